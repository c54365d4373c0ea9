import { DEFAULT_DEADLINE, INDEX_MARGIN, PENDING_MARGIN } from "../shared/limits.ts";
import type { TerminalStatus } from "./status.ts";

const DAY = 86_400_000;

/** How long ended things are kept, in milliseconds. */
export interface Retention {
  /** By the status in which a task ended. */
  readonly task: Readonly<Record<TerminalStatus, number>>;
  readonly delivery: number;
  /** Of results, unless the task has its own. */
  readonly result: number;
}

export const DEFAULT_RETENTION: Retention = {
  task: { succeeded: 7 * DAY, failed: 14 * DAY, canceled: 7 * DAY, expired: 14 * DAY },
  delivery: 14 * DAY,
  result: 7 * DAY,
};

/** How long the index of its hour must last for a task that starts now, and whether no task needs less. */
export interface Listing {
  readonly length: number;
  readonly isUsual: boolean;
}

/** The indexes of an hour last as long as most of its tasks may be kept; longer for a task that may be kept longer. */
export function listingOf(
  retention: Retention,
  { deadline, resultTtl }: { readonly deadline: number; readonly resultTtl?: number },
): Listing {
  const longest = Math.max(...Object.values(retention.task), retention.result, PENDING_MARGIN);
  const usual = DEFAULT_DEADLINE + longest + INDEX_MARGIN;
  const length = deadline + Math.max(longest, resultTtl ?? 0) + INDEX_MARGIN;
  return { length: Math.max(length, usual), isUsual: length <= usual };
}
