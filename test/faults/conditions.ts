import type { FaultPoint } from "../../src/shared/fault-point.ts";
import type { FAULT_KINDS } from "./faults.ts";

/** The differences from the storm that everything must withstand. */
export interface Conditions {
  /** The fault points that are active. */
  readonly points?: readonly FaultPoint[];
  /** The faults that links make; all of them, as often as each way breaks, unless given. */
  readonly faults?: { readonly kinds: typeof FAULT_KINDS; readonly share: number };
  /** The plans that clients have, by name; all of them unless given. */
  readonly plans?: readonly string[];
  /** The share of stalls in which a gateway stands still for longer than a lease. */
  readonly longStalls?: number;
}
