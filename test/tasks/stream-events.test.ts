import { afterEach, describe, expect, test, vi } from "vitest";
import type { Follower } from "../../src/ports/commands/task.ts";
import { endStreams, HOLD, type LiveEvent, live } from "../../src/tasks/read/stream-events.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import { accepted, environments } from "../redis/store-fixture.ts";

const [SECOND, MINUTE] = [1_000, 60_000];

const [embedded] = await environments();
if (!embedded) throw new Error("there is no engine");
const [, { store, caller }] = embedded;
const queued = await accepted(store, caller);

/** A stream of a task over a Redis that reports only what it is told to, by a clock that the test moves. */
function opened({ reports = true } = {}) {
  vi.useFakeTimers();
  let follower: Follower | undefined;
  let record: TaskRecord = queued;
  const reads: string[] = [];
  const answer = (kind: string) => async () => {
    reads.push(kind);
    return { kind: "found", now: Date.now(), record, deliveries: [] } as const;
  };
  const ctx = {
    clock: Date.now,
    store: {
      readTask: answer("read"),
      watch: answer("watch"),
      follow: (_project: string, _id: string, one: Follower) => {
        follower = one;
        queueMicrotask(() => (reports ? one.onOpen() : one.onLost("The stream did not open in time.")));
        return { close: () => undefined };
      },
    },
  };
  const seen: LiveEvent[] = [];
  let isOver = false;
  const gone = new AbortController();
  const reading = (async () => {
    for await (const one of live(ctx, caller, queued, { after: 0, hold: HOLD, gone: gone.signal })) {
      seen.push(one);
    }
    isOver = true;
  })();
  return {
    reads,
    seen,
    reading,
    gone,
    isOver: () => isOver,
    change: (changed: TaskRecord, status: string) => {
      record = changed;
      follower?.onChange(status);
    },
    lose: () => follower?.onLost("The stream ended."),
  };
}

afterEach(() => {
  vi.useRealTimers();
});

describe("a live timeline", { concurrent: false }, () => {
  test("of a silent task is held for ten minutes, and is read once", async () => {
    const stream = opened();
    await vi.advanceTimersByTimeAsync(10 * MINUTE - SECOND);
    expect(stream.isOver()).toBe(false);
    expect(stream.reads).toEqual(["watch"]);
    await vi.advanceTimersByTimeAsync(2 * SECOND);
    expect(stream.isOver()).toBe(true);
    expect(stream.reads).toEqual(["watch"]);
  });

  test("tells a change at once, however long it was silent", async () => {
    const stream = opened();
    await vi.advanceTimersByTimeAsync(9 * MINUTE);
    const entry = { sequence: 2, at: Date.now(), run: 1, type: "task.started", actor: "worker" } as const;
    const timeline = [...queued.timeline, entry];
    stream.change({ ...queued, status: "running", sequence: 2, timeline }, "running");
    await vi.advanceTimersByTimeAsync(1);
    expect(stream.seen.at(-1)).toEqual({ kind: "entry", entry });
    stream.gone.abort();
    await stream.reading;
  });

  test("that has to read again and again is held for a minute", async () => {
    const stream = opened({ reports: false });
    await vi.advanceTimersByTimeAsync(MINUTE - SECOND);
    expect(stream.isOver()).toBe(false);
    expect(stream.reads.length).toBeGreaterThan(10);
    await vi.advanceTimersByTimeAsync(2 * SECOND);
    expect(stream.isOver()).toBe(true);
  });

  test("ends when Redis's stream breaks after a minute: its client opens a new one", async () => {
    const stream = opened();
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    stream.lose();
    await vi.advanceTimersByTimeAsync(1);
    expect(stream.isOver()).toBe(true);
    expect(stream.reads).toEqual(["watch"]);
  });

  test("ends when the process stops", async () => {
    const stream = opened();
    await vi.advanceTimersByTimeAsync(MINUTE);
    endStreams();
    await vi.advanceTimersByTimeAsync(1);
    expect(stream.isOver()).toBe(true);
  });
});
