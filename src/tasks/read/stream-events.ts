import type { Dependencies } from "../../ports/dependencies.ts";
import type { TaskReadStore, WatchStore } from "../../ports/stores/task-store.ts";
import type { TaskReader } from "../../projects/principal.ts";
import type { Progress, TaskRecord, TimelineEntry } from "../record.ts";
import { isTerminal } from "../status.ts";
import { listen } from "./listen.ts";

/** The parts that a live timeline uses. */
type LiveParts = Pick<Dependencies, "clock"> & {
  readonly store: Pick<TaskReadStore, "readTask"> & WatchStore;
};

/** The events of a live timeline: each entry once, in order, and the newest progress. */
export type LiveEvent =
  | { readonly kind: "entry"; readonly entry: TimelineEntry }
  | {
      readonly kind: "progress";
      readonly run: number;
      readonly attempt: number;
      readonly progress: Progress;
    };

export interface Live {
  /** The sequence of the last entry that the client has; 0: none. */
  readonly after: number;
  /** How long the stream is held, milliseconds. */
  readonly hold: number;
  /** Aborts when the client goes away. */
  readonly gone: AbortSignal;
}

/**
 * How long a stream is held unless the client wants it shorter, milliseconds. Opening it costs commands, and silence
 * does not: the longer, the cheaper.
 */
export const HOLD = 600_000;

/** The same, for a stream that Redis reports nothing to: a new one may be luckier, and costs less than reads. */
const HOLD_UNREPORTED = 60_000;

/** Reads of one stream: Workers on the free plan may make 50 requests while they answer one. */
const READS = 40;

/** Progress is read at most this often, milliseconds. */
const PROGRESS_INTERVAL = 500;

/** The pauses between reads without a reported change, in milliseconds; the last one repeats. */
const BACKOFF = [1_000, 2_000, 5_000] as const;

const WATCH_MARGIN = 5_000;

/** The streams of this process, each with what ends it. */
const streams = new Set<AbortController>();

/** Ends all streams of this process, which stops: their clients reconnect elsewhere, and lose nothing. */
export function endStreams(): void {
  for (const stream of streams) stream.abort();
}

/**
 * Yields a task's timeline as it grows, until the task has ended, the client is gone, or the stream has been held long
 * enough: then the client reconnects with the last sequence that it has, and loses nothing.
 *
 * @param first the task as it was read just now
 * @throws StoreUnavailable
 */
export async function* live(
  ctx: LiveParts,
  caller: TaskReader,
  first: TaskRecord,
  { after, hold, gone }: Live,
): AsyncGenerator<LiveEvent, void, void> {
  const reporter = createReporter(after);
  yield* reporter.news(first);
  if (isTerminal(first.status)) return;
  const stream = new AbortController();
  const over = AbortSignal.any([gone, stream.signal]);
  const began = ctx.clock();
  const left = (): number =>
    began + (listener.state === "lost" ? Math.min(hold, HOLD_UNREPORTED) : hold) - ctx.clock();
  const listener = listen(ctx.store, caller.project, first.id, over);
  let record = first;
  let isWatched = false;
  let pauses = 0;
  const moves = (status: string): boolean => status !== record.status;
  streams.add(stream);
  try {
    await listener.settled();
    for (let reads = 0; reads < READS && !over.aborted && left() > 0; reads++) {
      const isWatch: boolean = listener.state === "open" && !isWatched;
      const answer = isWatch
        ? await ctx.store.watch(caller, first.id, left() + WATCH_MARGIN)
        : await ctx.store.readTask(caller, first.id);
      if (answer.kind !== "found") return; // erased, or the key was revoked: the client learns it when it reconnects
      record = answer.record;
      yield* reporter.news(record);
      if (isTerminal(record.status)) return;
      isWatched ||= isWatch;
      if (listener.state === "lost") {
        await listener.sleep(Math.min(left(), BACKOFF[pauses++] ?? BACKOFF[2]), () => true);
        continue;
      }
      const reported = await listener.sleep(left(), () => true);
      if (![...reported].some(moves)) await listener.sleep(Math.min(left(), PROGRESS_INTERVAL), moves);
    }
  } finally {
    streams.delete(stream);
    listener.close();
  }
}

/** Remembers the yielded events, so that none is yielded twice. */
function createReporter(after: number) {
  let sequence = after;
  let progressAt = 0;
  return {
    *news(record: TaskRecord): Generator<LiveEvent, void, void> {
      for (const entry of record.timeline) {
        if (entry.sequence <= sequence) continue;
        sequence = entry.sequence;
        yield { kind: "entry", entry };
      }
      const { progress, run, attempt } = record;
      if (!progress || progress.at <= progressAt || isTerminal(record.status)) return;
      progressAt = progress.at;
      yield { kind: "progress", run, attempt, progress };
    },
  };
}
