/** The status of a task, as Redis stores it. */
export type StoredStatus = "queued" | "running" | "waiting" | TerminalStatus;

/** The terminal statuses; only a replay leaves them. */
export type TerminalStatus = "succeeded" | "failed" | "canceled" | "expired";

/** The status of a task, as clients read it: `scheduled` is a queued task whose first attempt is in the future. */
export type TaskStatus = StoredStatus | "scheduled";

export const TERMINAL = [
  "succeeded",
  "failed",
  "canceled",
  "expired",
] as const satisfies readonly TerminalStatus[];

/** Every status that a client reads. */
export const STATUSES = [
  "scheduled",
  "queued",
  "running",
  "waiting",
  ...TERMINAL,
] as const satisfies readonly TaskStatus[];

/** The state machine: the permitted next statuses of each stored status. The scripts are built from this list. */
export const MOVES: Readonly<Record<StoredStatus, readonly StoredStatus[]>> = {
  queued: ["running", "succeeded", "failed", "canceled", "expired"],
  running: ["waiting", "queued", "succeeded", "failed", "canceled", "expired"],
  waiting: ["queued", "succeeded", "failed", "canceled", "expired"],
  succeeded: ["queued"],
  failed: ["queued"],
  canceled: ["queued"],
  expired: ["queued"],
};

export function isTerminal(status: TaskStatus): status is TerminalStatus {
  return (TERMINAL as readonly string[]).includes(status);
}

/**
 * The status that a client reads.
 *
 * @param attempt attempts begun in this run
 * @param startsAt milliseconds since the epoch at which the run may start
 * @param now milliseconds since the epoch
 */
export function visibleStatus(
  stored: StoredStatus,
  attempt: number,
  startsAt: number,
  now: number,
): TaskStatus {
  return stored === "queued" && attempt === 0 && startsAt > now ? "scheduled" : stored;
}
