import { type FirstAttemptParts, sendOpened } from "../deliveries/first-attempts.ts";
import type { Dependencies } from "../ports/dependencies.ts";
import { StoreRefused, StoreUnavailable } from "../ports/errors.ts";
import type { RunStore } from "../ports/stores/task-store.ts";
import type { StoredConfig } from "../projects/caller.ts";
import { attemptFields } from "../tasks/log-fields.ts";
import type { Progress, TaskRecord } from "../tasks/record.ts";
import { type FanOutParts, fanOut, isAwaited, leased, openedOf } from "./fan-out.ts";
import { announcementOf, type TaskEvent } from "./task-events.ts";

/** The parts that the announcement of an event uses. */
export type AnnounceParts = FirstAttemptParts &
  FanOutParts &
  Pick<Dependencies, "log"> & { readonly store: RunStore };

/** A leased task. */
interface Held {
  readonly record: TaskRecord;
  readonly config: StoredConfig;
  readonly lease: string;
  /** Redis time. */
  readonly time: () => number;
}

/** Announces a task's work while it goes on. */
export interface Announcer {
  /** To be called when progress was written; absent when nobody asked for its events. */
  readonly progress?: (progress: Progress) => void;
  /** Resolves when all deliveries that must not be lost are stored. @throws StoreUnavailable */
  opened(): Promise<void>;
  /** Resolves when nothing is on its way any more. */
  sent(): Promise<void>;
}

const SILENT: Announcer = { opened: async () => undefined, sent: async () => undefined };

/** Announces a task's start in parallel with its handler, and its progress; does nothing where nobody asked. */
export function announcer(deps: AnnounceParts, held: Held): Announcer {
  const wantsStart = isAwaited(held.config, held.record, "task.started");
  const wantsProgress = isAwaited(held.config, held.record, "task.progress");
  if (!wantsStart && !wantsProgress) return SILENT;
  const start = wantsStart ? announceStart(deps, held) : undefined;
  const reporter = wantsProgress ? progressAnnouncer(deps, held) : undefined;
  return {
    ...(reporter && { progress: reporter.notify }),
    opened: async () => {
      reporter?.stop();
      await start?.opened();
    },
    sent: async () => {
      await Promise.all([start?.sent(), reporter?.sent()]);
    },
  };
}

/**
 * A failure surfaces when `opened()` is awaited, and not earlier. An event that Redis refuses is logged: an
 * announcement never fails an attempt.
 */
function announceStart(deps: AnnounceParts, held: Held) {
  const opening = open(
    deps,
    held,
    announcementOf(held.record, "task.started", Math.floor(held.time())),
  ).catch((error: unknown) => {
    if (!(error instanceof StoreRefused)) throw error;
    deps.log("warn", "start-not-announced", { ...attemptFields(held.record), reason: error.message });
    return undefined;
  });
  const sending = opening.then((sendIt) => sendIt?.());
  const settled = Promise.allSettled([opening, sending]);
  const opened = Promise.allSettled([opening]);
  return {
    opened: async () => {
      const [result] = await opened;
      if (result.status === "rejected") throw result.reason;
    },
    sent: async () => {
      const [wasOpened, wasSent] = await settled;
      if (wasOpened.status === "fulfilled" && wasSent.status === "rejected") throw wasSent.reason;
    },
  };
}

/** One event of progress at a time: newer progress replaces progress that waits for its turn. */
function progressAnnouncer(deps: AnnounceParts, held: Held) {
  let newest: Progress | undefined;
  let announcing: Promise<void> | undefined;
  let { progressDeliveries } = held.record;
  async function announceAll(): Promise<void> {
    while (newest) {
      const record = { ...held.record, progress: newest, progressDeliveries };
      newest = undefined;
      progressDeliveries = await announceProgress(deps, record, held);
    }
  }
  return {
    notify: (progress: Progress) => {
      newest = progress;
      announcing ??= announceAll().finally(() => {
        announcing = undefined;
      });
    },
    stop: () => {
      newest = undefined;
    },
    sent: () => announcing,
  };
}

/** The sender of progress: the holder of the task's lease, or without one the bearer of its token. */
export type ProgressReporter = Pick<Held, "config"> & Partial<Pick<Held, "lease">>;

/**
 * Announces a task's newest progress, once. Progress that cannot be announced now is dropped: the next one overtakes
 * it.
 *
 * @param record the task with that progress, and the deliveries of the one before if known
 * @returns the newest deliveries of its progress
 */
export async function announceProgress(
  deps: AnnounceParts,
  record: TaskRecord,
  reporter: ProgressReporter,
): Promise<readonly string[]> {
  const { project, progress, progressDeliveries } = record;
  const { config, lease } = reporter;
  try {
    const event = announcementOf(record, "task.progress", progress?.at ?? 0);
    const made = await fanOut(deps, config, event);
    if (made.length === 0) return progressDeliveries;
    const deliveries = lease === undefined ? made : leased(deps, made);
    const answer = await deps.store.announce({ record, ...(lease !== undefined && { lease }), deliveries });
    if (answer.kind === "changed") {
      if (answer.newest.join() === progressDeliveries.join()) return progressDeliveries;
      return await announceProgress(deps, { ...record, progressDeliveries: answer.newest }, reporter);
    }
    if (answer.kind !== "opened") return progressDeliveries;
    await sendOpened(deps, project, openedOf(deliveries, answer.held), { config, now: answer.now });
    return deliveries.map(({ id }) => id);
  } catch (error) {
    if (!(error instanceof StoreUnavailable || error instanceof StoreRefused)) throw error;
    deps.log("warn", "progress-not-announced", { ...attemptFields(record), reason: error.message });
    return progressDeliveries;
  }
}

/** Opens deliveries that this caller sends; undefined when somebody else has, or the attempt is over. */
async function open(
  deps: AnnounceParts,
  held: Held,
  event: TaskEvent,
): Promise<(() => Promise<void>) | undefined> {
  const { record, config, lease } = held;
  const deliveries = leased(deps, await fanOut(deps, config, event));
  const answer = await deps.store.announce({ record, lease, deliveries });
  if (answer.kind !== "opened") return undefined;
  const opened = openedOf(deliveries, answer.held);
  return () => sendOpened(deps, record.project, opened, { config, now: answer.now });
}
