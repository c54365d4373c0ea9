import type { Denied } from "../../projects/caller.ts";
import type { TaskRecord } from "../../tasks/record.ts";
import type { TaskStatus } from "../../tasks/status.ts";

/** The parts that are read together with a task. */
export interface TaskParts {
  readonly input?: boolean;
  readonly result?: boolean;
  /** The deliveries to read, selected from the task. */
  readonly deliveries?: (record: TaskRecord) => Promise<readonly string[]>;
}

/** The tasks that a list shows; every condition that is set must hold. */
export interface TaskFilter {
  readonly status?: TaskStatus;
  readonly type?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Created later than this, and earlier than that; milliseconds. */
  readonly after?: number;
  readonly before?: number;
}

export type ListAnswer =
  | Denied
  /** The metadata key is not searchable in this project; these keys are. */
  | { readonly kind: "unsearchable"; readonly name: string; readonly searchable: readonly string[] }
  | {
      readonly kind: "found";
      readonly positions: readonly TaskPosition[];
      readonly next?: TaskPosition;
      /** Entries of indexes that were read. */
      readonly visited: number;
    };

export interface TaskPosition {
  /** Milliseconds; the task's creation. */
  readonly at: number;
  readonly id: string;
}
