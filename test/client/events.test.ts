import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TaskEvent } from "../../src/client/index.ts";
import { json, problem, type Reply, scripted } from "./scripted.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const type = { "content-type": "text/event-stream" };
const at = "2026-11-24T09:00:00.000Z";
const entry = (sequence: number, name: string): string =>
  `id: ${sequence}\nevent: ${name}\ndata: ${JSON.stringify({ sequence, at, run: 1, type: name, actor: "worker" })}\n\n`;

/** A stream of these chunks; it then ends, breaks, or stays silent until the client leaves. */
function stream(chunks: readonly (string | Uint8Array)[], then: "ends" | "breaks" | "hangs" = "ends"): Reply {
  return (_request, signal) => {
    const bytes = chunks.map((chunk) =>
      typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk,
    );
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        signal.addEventListener("abort", () => controller.error(signal.reason));
      },
      pull(controller) {
        const next = bytes.shift();
        if (next) controller.enqueue(next);
        else if (then === "ends") controller.close();
        else if (then === "breaks") controller.error(new TypeError("terminated"));
      },
    });
    return new Response(body, { headers: type });
  };
}

async function all(events: AsyncIterable<TaskEvent>): Promise<readonly TaskEvent[]> {
  const found: TaskEvent[] = [];
  const reading = (async () => {
    for await (const event of events) found.push(event);
  })();
  reading.catch(() => undefined); // awaited below
  await vi.runAllTimersAsync();
  await reading;
  return found;
}

const names = (events: readonly TaskEvent[]): readonly string[] => events.map(({ type }) => type);

describe("the events of a task", () => {
  it("are told in order, with the progress, and end with the task", async () => {
    const progress = `event: task.progress\ndata: {"run":1,"attempt":1,"percent":40,"at":"${at}"}\n\n`;
    const { ringback, made } = scripted([
      stream([
        "retry: 1000\n\n",
        entry(1, "task.created"),
        ": heartbeat\n\n",
        progress,
        entry(2, "task.succeeded"),
      ]),
    ]);
    const events = await all(ringback.tasks.events("task_1"));
    expect(events).toEqual([
      { type: "task.created", sequence: 1, at, run: 1, actor: "worker" },
      { type: "task.progress", run: 1, attempt: 1, percent: 40, at },
      { type: "task.succeeded", sequence: 2, at, run: 1, actor: "worker" },
    ]);
    expect(made).toHaveLength(1);
    expect(made[0]?.url).toBe("/v1/tasks/task_1/events");
    expect(made[0]?.headers.get("accept")).toBe("text/event-stream");
  });

  it.each(["ends", "breaks", "hangs"] as const)("go on where a stream %s", async (how) => {
    const { ringback, made } = scripted([
      stream([entry(1, "task.created"), entry(2, "task.started")], how),
      stream([entry(3, "task.failed")]),
    ]);
    expect(names(await all(ringback.tasks.events("task_1")))).toEqual([
      "task.created",
      "task.started",
      "task.failed",
    ]);
    expect(made.map(({ headers }) => headers.get("last-event-id"))).toEqual(["0", "2"]);
  });

  it("tell a progress once, although each stream begins with the newest one", async () => {
    const progress = (percent: number): string =>
      `event: task.progress\ndata: {"run":1,"attempt":1,"percent":${percent},"at":"2026-11-24T09:00:${percent}.000Z"}\n\n`;
    const { ringback } = scripted([
      stream([entry(1, "task.created"), progress(20), progress(30)]),
      stream([progress(30), progress(30)]),
      stream([progress(40), entry(2, "task.succeeded")]),
    ]);
    const events = await all(ringback.tasks.events("task_1"));
    expect(events.map(({ type, percent }) => percent ?? type)).toEqual([
      "task.created",
      20,
      30,
      40,
      "task.succeeded",
    ]);
  });

  it("end when the gateway has no more of them", async () => {
    const { ringback, made } = scripted([
      stream([entry(1, "task.succeeded"), entry(2, "task.replayed"), entry(3, "task.vanished")]),
      new Response(null, { status: 204 }),
    ]);
    expect(await all(ringback.tasks.events("task_1", { after: 0 }))).toHaveLength(3);
    expect(made).toHaveLength(2);
  });

  it("survive every way of cutting the bytes, and every end of a line", async () => {
    const text = `${entry(1, "task.created")}event: task.progress\ndata: {"message":"Łódź ✓","at":"${at}","run":1}\n\n${entry(2, "task.canceled")}`;
    const whole = await all(scripted([stream([text])]).ringback.tasks.events("task_1"));
    expect(names(whole)).toEqual(["task.created", "task.progress", "task.canceled"]);
    for (const end of ["\n", "\r\n", "\r"]) {
      const bytes = new TextEncoder().encode(text.replaceAll("\n", end));
      const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
      expect(await all(scripted([stream([...single, " "])]).ringback.tasks.events("task_1"))).toEqual(whole);
    }
  });

  it("fail with a refusal, and with an answer that is no stream", async () => {
    await expect(
      all(scripted([problem("not-found", 404)]).ringback.tasks.events("task_1")),
    ).rejects.toMatchObject({
      code: "not-found",
    });
    await expect(all(scripted([json({ data: [] })]).ringback.tasks.events("task_1"))).rejects.toMatchObject({
      code: "unexpected-answer",
    });
  });

  it("close the connection when their reader leaves", async () => {
    let signal: AbortSignal | undefined;
    const open = stream([entry(1, "task.created")], "hangs");
    const { ringback } = scripted([
      (request, given) => {
        signal = given;
        return typeof open === "function" ? open(request, given) : new Response();
      },
    ]);
    for await (const _event of ringback.tasks.events("task_1")) break;
    expect(signal?.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("end with the reason of the caller's signal", async () => {
    const { ringback } = scripted([stream([entry(1, "task.created")], "hangs")]);
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("enough")), 5_000);
    await expect(all(ringback.tasks.events("task_1", { signal: stop.signal }))).rejects.toThrow("enough");
  });
});
