import type { Dependencies } from "../../ports/dependencies.ts";
import { StoreUnavailable } from "../../ports/errors.ts";
import type { WatchStore } from "../../ports/stores/task-store.ts";
import { type Client, system, type TaskReader } from "../../projects/principal.ts";
import { attemptFields } from "../log-fields.ts";
import type { TaskRecord } from "../record.ts";
import { isTerminal, visibleStatus } from "../status.ts";
import type { Submit } from "../submit/prepare-task.ts";
import { type Accepted, type AcceptParts, accept } from "../submit/submit-task.ts";
import { type FoundTask, getTask, type ReadParts } from "./get-task.ts";
import { type Listener, listen } from "./listen.ts";

/** The parts that waiting for a task uses. */
type WaitParts = ReadParts &
  AcceptParts &
  Pick<Dependencies, "clock" | "log"> & { readonly store: WatchStore };

/** How a client waits. */
export interface Waiting {
  /** At most so many milliseconds. */
  readonly length: number;
  /** Until the task has ended, or until it has changed since the wait began. */
  readonly until: "ended" | "changed";
  /** Aborts when the client goes away. */
  readonly gone: AbortSignal;
  readonly include?: { readonly input?: boolean; readonly result?: boolean };
}

/**
 * How much longer than a wait its task's changes are published: the difference between the edge's clock and Redis's.
 */
const WATCH_MARGIN = 5_000;

/**
 * The pauses between reads without a reported change, in milliseconds; the last one repeats. With the requests that
 * open and end a wait, ten seconds take at most six requests.
 */
const BACKOFF = [500, 2_000, 8_000] as const;

/**
 * Waits for a task: Redis reports its end, or the task is read repeatedly where it cannot. The wait ends with the
 * task, wherever that is ended.
 *
 * @param found the task as it was read just now
 * @returns the task as it is when the wait is over; the task as found, when the client has gone
 */
export async function wait(
  ctx: WaitParts,
  caller: TaskReader,
  found: FoundTask,
  waiting: Waiting,
): Promise<FoundTask> {
  const ends = ctx.clock() + waiting.length;
  if (isOver(found, found, waiting)) return found;
  const listener = listen(ctx.store, caller.project, found.record.id, waiting.gone);
  try {
    return await hearOut(ctx, caller, found, waiting, listener, ends);
  } finally {
    listener.close();
  }
}

/**
 * Accepts a task and waits for its end. The stream is opened while the task is accepted, and the run is published
 * before anything waits. A client may see the end of its own task, even when its key may not read tasks.
 *
 * @throws ApiError
 */
export async function acceptAndWait(
  ctx: WaitParts,
  caller: Client,
  submit: Submit,
  waiting: Waiting,
): Promise<Accepted> {
  const ends = ctx.clock() + waiting.length;
  const listeners: Listener[] = [];
  const begin = (id: string) => listeners.push(listen(ctx.store, caller.project, id, waiting.gone));
  const watch = { length: waiting.length + WATCH_MARGIN, begin };
  try {
    const accepted = await accept(ctx, caller, { ...submit, watch });
    const own = listeners.find(({ task }) => task === accepted.record.id);
    if (!own) for (const listener of listeners) listener.close(); // it was accepted before, under another id
    const reader = system(caller.project);
    try {
      const found = own
        ? await hearOut(ctx, reader, accepted, waiting, own, ends, own.state === "open")
        : await wait(ctx, reader, accepted, waiting);
      return { ...accepted, ...found };
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      ctx.log("warn", "wait-cut-short", { ...attemptFields(accepted.record), reason: error.message });
      return accepted; // the task is kept, and the client must learn that
    }
  } finally {
    for (const listener of listeners) listener.close();
  }
}

/** @param watched every change since the task was found has been reported, or will be */
async function hearOut(
  ctx: WaitParts,
  caller: TaskReader,
  first: FoundTask,
  waiting: Waiting,
  listener: Listener,
  ends: number,
  watched = false,
): Promise<FoundTask> {
  const { gone, until, include = {} } = waiting;
  const { id } = first.record;
  const left = (): number => ends - ctx.clock();
  const isWorthIt = (status: string): boolean =>
    until === "changed" || isTerminal(status as TaskRecord["status"]);
  if (!watched) await listener.settled();
  let found = first;
  if (!watched && listener.state === "open") {
    const answer = await ctx.store.watch(caller, id, left() + WATCH_MARGIN);
    if (answer.kind !== "found") return getTask(ctx, caller, id, include);
    found = answer;
  }
  let looks = listener.state === "open" ? 1 : 0;
  let isWhole = found === first;
  while (!gone.aborted && !isOver(first, found, waiting) && left() > 0) {
    const pause = listener.state === "lost" ? (BACKOFF[looks++] ?? BACKOFF[2]) : untilStart(found, waiting);
    await listener.sleep(Math.min(left(), pause), isWorthIt);
    if (gone.aborted) break;
    // The stream broke: repeated reads take over, from the second pause on.
    if (listener.state === "lost" && pause === Number.POSITIVE_INFINITY && left() > 0) continue;
    found = await getTask(ctx, caller, id, include);
    isWhole = true;
  }
  return isWhole || gone.aborted ? found : getTask(ctx, caller, id, include);
}

function isOver(first: FoundTask, { record, now }: FoundTask, { until }: Waiting): boolean {
  if (isTerminal(record.status)) return true;
  if (until === "ended") return false;
  const before = first.record;
  return (
    record.sequence !== before.sequence ||
    record.progress?.at !== before.progress?.at ||
    statusOf(record, now) !== statusOf(before, first.now)
  );
}

function statusOf({ status, attempt, startsAt }: TaskRecord, now: number): string {
  return visibleStatus(status, attempt, startsAt, now);
}

/** A scheduled task becomes a queued one by the passing of time alone, which nothing reports. */
function untilStart({ record, now }: FoundTask, { until }: Waiting): number {
  const isScheduled = until === "changed" && statusOf(record, now) === "scheduled";
  return isScheduled ? record.startsAt - now : Number.POSITIVE_INFINITY;
}
