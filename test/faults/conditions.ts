import type { FAULT_KINDS } from "./faults.ts";

/** A change of one place in the source, made while it is bundled. */
export interface Patch {
  /** From the top of the repository. */
  readonly file: string;
  /** What must stand there, once at least; its first place is changed. */
  readonly find: string;
  readonly replace: string;
}

/** What is otherwise than in the storm that everything must weather. */
export interface Conditions {
  /** What is broken on purpose. */
  readonly patches?: readonly Patch[];
  /** The faults that links make; all of them, as often as each way breaks, unless given. */
  readonly faults?: { readonly kinds: typeof FAULT_KINDS; readonly share: number };
  /** The plans that clients have, by name; all of them unless given. */
  readonly plans?: readonly string[];
  /** The share of stalls in which a gateway stands still for longer than a lease. */
  readonly longStalls?: number;
}
