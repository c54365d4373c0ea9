import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TaskEvent } from "../../src/client/index.ts";
import { json, problem, type Reply, scripted } from "./scripted.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const pending = (retryAfter: number, status = "running") =>
  json({ id: "task_1", status, done: false }, { "retry-after": `${retryAfter}` });
const done = json({ id: "task_1", status: "succeeded", done: true, result: { rows: 2 } });
const held =
  (seconds: number, reply: Response): Reply =>
  async () => {
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    return reply.clone();
  };
const ending = `id: 2\nevent: task.succeeded\ndata: {"sequence":2,"at":"2026-11-24T09:00:00.000Z","run":1}\n\n`;
const stream = (text = ending) => new Response(text, { headers: { "content-type": "text/event-stream" } });

async function run<T>(call: Promise<T>): Promise<T> {
  call.catch(() => undefined); // awaited below
  await vi.runAllTimersAsync();
  return call;
}

const at = (made: readonly { readonly at: number }[], n: number): number =>
  Math.round(((made[n]?.at ?? 0) - (made[0]?.at ?? 0)) / 1_000);

describe("tasks.wait()", () => {
  it("has the gateway hold its answers while the end is near", async () => {
    const { ringback, made } = scripted([held(25, pending(1)), held(10, done)]);
    expect(await run(ringback.tasks.wait("task_1"))).toMatchObject({
      status: "succeeded",
      result: { rows: 2 },
    });
    expect(made.map(({ headers }) => headers.get("prefer"))).toEqual(["wait=25", "wait=25"]);
    expect(at(made, 1)).toBe(25);
  });

  it("does not hurry where something in between drops the preference", async () => {
    const { ringback, made } = scripted([pending(4), pending(9), done]);
    await run(ringback.tasks.wait("task_1"));
    expect([at(made, 1), at(made, 2)]).toEqual([4, 13]);
  });

  it("follows the events while the end is far", async () => {
    const { ringback, made } = scripted([held(25, pending(120)), stream(), done]);
    expect(await run(ringback.tasks.wait("task_1"))).toMatchObject({ done: true });
    expect(made.map(({ url }) => url)).toEqual([
      "/v1/tasks/task_1",
      "/v1/tasks/task_1/events",
      "/v1/tasks/task_1",
    ]);
  });

  it("polls by Retry-After where no stream comes through", async () => {
    const { ringback, made } = scripted([
      held(25, pending(60)),
      json({ data: [] }),
      held(25, pending(60)),
      done,
    ]);
    await run(ringback.tasks.wait("task_1"));
    expect(made).toHaveLength(4);
    expect(at(made, 3)).toBe(25 + 60);
  });

  it("leaves a task alone that starts later", async () => {
    const { ringback, made } = scripted([held(25, pending(3_000, "scheduled")), done]);
    await run(ringback.tasks.wait("task_1"));
    expect(at(made, 1)).toBe(3_000);
  });

  it("tells the events to one who wants them", async () => {
    const { ringback, made } = scripted([stream(), done]);
    const told: TaskEvent[] = [];
    await run(ringback.tasks.wait("task_1", { onEvent: (event) => told.push(event) }));
    expect(told).toMatchObject([{ type: "task.succeeded", sequence: 2 }]);
    expect(made).toHaveLength(2);
  });

  it("does it the way that the caller chooses", async () => {
    const poll = scripted([pending(3), done]);
    await run(poll.ringback.tasks.wait("task_1", { via: "poll" }));
    expect(poll.made.map(({ headers }) => headers.get("prefer"))).toEqual([null, null]);
    const wait = scripted([held(25, pending(60)), done]);
    await run(wait.ringback.tasks.wait("task_1", { via: "wait" }));
    expect(wait.made.map(({ url }) => url)).toEqual(["/v1/tasks/task_1", "/v1/tasks/task_1"]);
    const events = scripted([stream(), done]);
    await run(events.ringback.tasks.wait("task_1", { via: "events" }));
    expect(events.made[0]?.url).toBe("/v1/tasks/task_1/events");
    const none = scripted([json({ data: [] })]);
    await expect(run(none.ringback.tasks.wait("task_1", { via: "events" }))).rejects.toMatchObject({
      code: "unexpected-answer",
    });
  });

  it("ends with the code timeout, while the task goes on", async () => {
    const { ringback } = scripted([held(25, pending(1))]);
    await expect(run(ringback.tasks.wait("task_1", { timeout: 60_000 }))).rejects.toMatchObject({
      name: "RingbackError",
      code: "timeout",
      status: 0,
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ends with the signal's reason", async () => {
    const { ringback } = scripted([pending(10)]);
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("enough")), 5_000);
    await expect(run(ringback.tasks.wait("task_1", { signal: stop.signal }))).rejects.toThrow("enough");
  });
});

describe("tasks.result()", () => {
  it("waits for the end, and gives the bare result", async () => {
    const { ringback, made } = scripted([pending(1), done, json({ rows: 2 })]);
    expect(await run(ringback.tasks.result("task_1"))).toEqual({ rows: 2 });
    expect(made.at(-1)?.url).toBe("/v1/tasks/task_1/result");
  });

  it("gives undefined where a task has none, and fails as the task did", async () => {
    const none = scripted([done, new Response(null, { status: 204 })]);
    expect(await run(none.ringback.tasks.result("task_1"))).toBeUndefined();
    const failed = scripted([done, problem("task-not-succeeded", 409, { taskStatus: "failed" })]);
    await expect(run(failed.ringback.tasks.result("task_1"))).rejects.toMatchObject({
      code: "task-not-succeeded",
      problem: { taskStatus: "failed" },
    });
  });

  it("waits again for a task that was replayed meanwhile", async () => {
    const { ringback } = scripted([done, json({ id: "task_1", done: false }, {}, 202), done, json([1])]);
    expect(await run(ringback.tasks.result("task_1"))).toEqual([1]);
  });
});
