/**
 * Places at which the storm test breaks the gateway on purpose, to show that it notices (test/faults/breaks.ts says
 * what each one takes away). Each name is used in one place.
 */
export type FaultPoint =
  | "no-due-entry"
  | "idle-sweep"
  | "poisoned-script"
  | "poisoned-record"
  | "double-look"
  | "mortal"
  | "forgetful"
  | "ends-again"
  | "silent-start"
  | "stale-reads"
  | "no-fingerprint"
  | "no-dedup"
  | "immediate-undue"
  | "immediate-unleased"
  | "no-tombstone"
  | "key-comes-back"
  | "no-deadline-in-end"
  | "no-deadline-in-sweep"
  | "no-deadline-in-handler"
  | "no-idempotency-record"
  | "no-lease"
  | "no-fence-in-end"
  | "no-fence-in-worker"
  | "deaf-to-cancel"
  | "any-token"
  | "due-for-ever-in-end"
  | "due-for-ever-in-sweep"
  | "miscounted"
  | "batch-counts-twice"
  | "parked-unlisted"
  | "bulk-ends-the-first"
  | "size-unmeasured"
  | "refusal-unread"
  | "unbounded-peek"
  | "reads-every-key"
  | "reads-every-dead-letter"
  | "told-not-written"
  | "id-per-target"
  | "thawed-body"
  | "foreign-time"
  | "callback-alone"
  | "gives-up-in-script"
  | "gives-up-in-step"
  | "wishful"
  | "delivered-twice"
  | "wrong-project";

/** The active fault points: test/faults/build.ts defines them. No other build does. */
declare const RINGBACK_FAULTS: readonly FaultPoint[];

/** Whether this build breaks here. In a script it stands for the word `true` or `false`. */
export function fault(name: FaultPoint): boolean {
  return typeof RINGBACK_FAULTS === "object" && RINGBACK_FAULTS.includes(name);
}
