import { attemptInvariants } from "./attempt-invariants.ts";
import { callbackInvariants } from "./callback-invariants.ts";
import type { History } from "./history.ts";
import { taskInvariants } from "./task-invariants.ts";

/** A promise that did not hold, with the evidence. */
export interface Violation {
  readonly invariant: Invariant;
  /** The task, key, event or counter of the violation, and the observation. */
  readonly detail: string;
}

/** Reports each place where a history breaks one promise. */
export type Judge = (history: History) => Iterable<string>;

const JUDGES = { ...taskInvariants, ...attemptInvariants, ...callbackInvariants };
export type Invariant = keyof typeof JUDGES;
export const INVARIANTS = Object.keys(JUDGES) as readonly Invariant[];

/**
 * Compares a history with every promise.
 *
 * @returns nothing when all of them held; else at most five details per invariant, and how many more there were
 */
export function check(history: History): Violation[] {
  return (Object.entries(JUDGES) as [Invariant, Judge][]).flatMap(([invariant, judge]) => {
    const details = [...judge(history)];
    const shown = details.slice(0, SHOWN).map((detail) => ({ invariant, detail }));
    const more = details.length - shown.length;
    return more > 0 ? [...shown, { invariant, detail: `and ${more} more` }] : shown;
  });
}

const SHOWN = 5;
