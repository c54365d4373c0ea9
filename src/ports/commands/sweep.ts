import type { StoredConfig } from "../../projects/caller.ts";
import type { BatchRecord } from "../../tasks/batch/record.ts";
import type { TaskRecord } from "../../tasks/record.ts";

/** The work of the sweep for one due entry. */
export type DueAction =
  | { readonly kind: "none" }
  /** It costs more than the budget allows, and stays due. */
  | { readonly kind: "left" }
  /** It cannot be parsed, and is postponed. */
  | { readonly kind: "broken"; readonly reason: string }
  | {
      readonly kind: "run";
      readonly project: string;
      readonly task: string;
      readonly type: string;
      readonly options: TaskRecord["options"];
      readonly run: number;
      readonly attempt: number;
      readonly delay: number;
      /** The queue's message for this attempt, as far as it was recorded. */
      readonly given?: string;
    }
  | {
      readonly kind: "deliver";
      readonly project: string;
      readonly delivery: string;
      readonly attempt: number;
      readonly delay: number;
      /** The receiving endpoint, and its limit of deliveries per second. */
      readonly endpointId?: string;
      readonly rateLimit?: number;
      readonly given?: string;
    }
  /** Its tasks may have ended, or the process that accepted them may be gone. */
  | { readonly kind: "batch"; readonly record: BatchRecord }
  /**
   * Its deadline has passed, it has crashed too often, or a waiting task's heartbeat was missed. The record lacks input
   * and result.
   */
  | {
      readonly kind: "expired" | "exhausted" | "silent";
      readonly record: TaskRecord;
      readonly config: StoredConfig;
      /** Redis time. */
      readonly now: number;
    };

/** The queue's message for an attempt of a task or of a delivery. */
export type GivenMessage = {
  readonly project: string;
  readonly attempt: number;
  readonly message: string;
} & (
  | { readonly kind: "run"; readonly task: string; readonly run: number }
  | { readonly kind: "deliver"; readonly delivery: string }
);

/** The garbage that the sweep removes: the rest of a task that is being erased, and API keys that have expired. */
export type Chore =
  | { readonly kind: "erase"; readonly project: string; readonly task: string }
  | { readonly kind: "purge"; readonly project: string }
  /** The rest of a resume. */
  | { readonly kind: "resume"; readonly project: string };
