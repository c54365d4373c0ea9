import type { FaultPoint } from "../../src/shared/fault-point.ts";
import { callbackBreaks } from "./callback-breaks.ts";
import type { Invariant } from "./checker.ts";
import type { Conditions } from "./conditions.ts";
import { taskBreaks } from "./task-breaks.ts";

/** A deliberate break, and the promises that must notice it. */
export interface Break extends Conditions {
  readonly name: string;
  /** The change, in the words of the table in the documentation. */
  readonly what: string;
  /** The fault points of its build. */
  readonly points: readonly [FaultPoint, ...FaultPoint[]];
  /** How long the storm goes on, in milliseconds; half a minute unless given. */
  readonly duration?: number;
  /** The mean time between two kills, in milliseconds; 8 s unless given. */
  readonly killEvery?: number;
  /** Any one of these shows that it was caught. */
  readonly caughtBy: readonly [Invariant, ...Invariant[]];
}

/** For each promise at least one way to break it. */
export const BREAKS: readonly Break[] = [...taskBreaks, ...callbackBreaks];
