import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { eventually } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import { handOn } from "../support/waiting.ts";

const slow = (sleepMs: number, rest: object = {}) => ({
  type: "diagnostics.flaky",
  input: { failures: 0, sleepMs },
  ...rest,
});

describe("timeout", () => {
  test("bounds one attempt, which fails with the code `timeout`, and the next one begins", async ({
    client,
  }) => {
    const { id } = await client.submit(slow(5_000, { timeout: "700ms", retries: 1 }));
    const task = await client.ended(id, 30_000);
    expect(task).toMatchObject({
      status: "failed",
      attempt: 2,
      error: { code: "timeout", retryable: true },
    });
    const timeline = await client.timeline(id);
    expect(timeline.map(({ type, cause }) => (cause === undefined ? type : `${type} ${cause}`))).toEqual([
      "task.created",
      "task.started",
      "task.retrying timeout",
      "task.started",
      "task.failed timeout",
    ]);
    const [started = 0, over = 0] = timeline.slice(1, 3).map(({ at }) => Date.parse(at));
    expect(over - started).toBeGreaterThanOrEqual(690);
  });

  test("aborts the handler's signal", async ({ client, receiver }) => {
    const ticks = receiver.open();
    const input = { tickUrl: ticks.url, holdMs: 20_000, everyMs: 100 };
    const { id } = await handOn(client, receiver, { input, timeout: "3s", retries: 0 });
    expect((await client.ended(id)).error?.code).toBe("timeout");
    await sleep(500);
    const heard = ticks.received.length;
    expect(heard).toBeGreaterThan(0);
    await sleep(1_000);
    expect(ticks.received).toHaveLength(heard);
  });

  test("is at most 10 minutes", async ({ client }) => {
    const reply = await client.send("POST", "/v1/tasks", { body: slow(0, { timeout: "601s" }) });
    expect(reply.problem().errors).toMatchObject([{ pointer: "#/timeout" }]);
    await client.submit(slow(0, { timeout: "10m" }));
  });
});

describe("deadline", () => {
  test("covers all attempts: what comes after it does not begin", async ({ client }) => {
    const { id } = await client.submit({
      type: "diagnostics.flaky",
      input: { failures: 99 },
      retries: 99,
      deadline: "5s",
    });
    const task = await client.ended(id, 50_000);
    expect(task).toMatchObject({ status: "expired", attempt: 2, error: { code: "deadline-exceeded" } });
    expect(task.error).toMatchObject({ lastFailure: { code: "flaky", attempt: 2 } });
    // The third attempt could only start after the deadline: nobody waits for that.
    expect(Date.parse(task.endedAt ?? "")).toBeLessThan(Date.parse(task.deadlineAt));
  });

  test("aborts the running handler's signal", async ({ client, receiver }) => {
    const ticks = receiver.open();
    const input = { tickUrl: ticks.url, holdMs: 20_000, everyMs: 100 };
    const { id } = await handOn(client, receiver, { input, deadline: "2s" });
    expect(await client.ended(id)).toMatchObject({
      status: "expired",
      error: { code: "deadline-exceeded", retryable: false },
    });
    await sleep(500);
    const heard = ticks.received.length;
    expect(heard).toBeGreaterThan(0);
    await sleep(1_000);
    expect(ticks.received).toHaveLength(heard);
  });

  test("counts from the moment at which the task may start", async ({ client }) => {
    const task = await client.submit(slow(0, { delay: "2h", deadline: "10m" }));
    expect(Date.parse(task.deadlineAt) - Date.parse(task.createdAt)).toBe(130 * 60_000);
  });

  test("is 24 h unless given, and 30 d at most", async ({ client }) => {
    const task = await client.submit(slow(0));
    expect(Date.parse(task.deadlineAt) - Date.parse(task.createdAt)).toBe(86_400_000);
    const reply = await client.send("POST", "/v1/tasks", { body: slow(0, { deadline: "31d" }) });
    expect(reply.problem().errors).toMatchObject([{ pointer: "#/deadline" }]);
  });
});

describe("resultTtl", () => {
  test("keeps result and input for so long after the end; the task outlives them", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: "kept a while", resultTtl: "3s" });
    const task = await client.ended(id);
    expect(task.result).toBe("kept a while");
    expect(Date.parse(task.resultExpiresAt ?? "") - Date.parse(task.endedAt ?? "")).toBe(3_000);
    const gone = await eventually(async () => {
      const reply = await client.send("GET", `/v1/tasks/${id}/result`);
      if (reply.status === 200) throw new Error("still there");
      return reply;
    });
    expect(gone.problem()).toMatchObject({ status: 410, code: "result-expired" });
    const later = await client.send("GET", `/v1/tasks/${id}?include=input`);
    expect(later.json()).toMatchObject({ id, status: "succeeded" });
    expect(later.json()).not.toHaveProperty("result");
    expect(later.json()).not.toHaveProperty("input");
  });

  test("is at most 30 d", async ({ client }) => {
    const reply = await client.send("POST", "/v1/tasks", { body: slow(0, { resultTtl: "31d" }) });
    expect(reply.problem().errors).toMatchObject([{ pointer: "#/resultTtl" }]);
  });
});

describe("notBefore", () => {
  const ahead = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

  test("up to a year ahead: the task waits as scheduled, and its cancel ends it", async ({ client }) => {
    const notBefore = ahead(365);
    const task = await client.submit({ type: "diagnostics.echo", input: 1, notBefore });
    expect(task).toMatchObject({ status: "scheduled", done: false, attempt: 0, notBefore });
    expect(Date.parse(task.deadlineAt) - Date.parse(notBefore)).toBe(86_400_000);
    expect((await client.send("POST", `/v1/tasks/${task.id}/cancel`)).json()).toMatchObject({
      status: "canceled",
    });
  });

  test("is refused more than a year ahead, without an offset, or together with delay", async ({ client }) => {
    for (const times of [
      { notBefore: ahead(366) },
      { notBefore: "2026-12-01T09:00:00" },
      { notBefore: ahead(1), delay: "1s" },
    ]) {
      const body = { type: "diagnostics.echo", input: 1, ...times };
      const reply = await client.send("POST", "/v1/tasks", { body });
      expect(reply.problem()).toMatchObject({
        code: "invalid-request",
        errors: [{ pointer: "#/notBefore" }],
      });
    }
  });

  test("that has passed is now", async ({ client }) => {
    const body = { type: "diagnostics.echo", input: 1, notBefore: "2020-01-01T00:00:00+02:00" };
    const { id, status } = await client.submit(body);
    expect(status).toBe("queued");
    expect((await client.ended(id)).status).toBe("succeeded");
  });
});

test("retries: 0 is one attempt", async ({ client }) => {
  const { id } = await client.submit({ type: "diagnostics.flaky", input: { failures: 1 }, retries: 0 });
  expect(await client.ended(id)).toMatchObject({
    status: "failed",
    attempt: 1,
    maxAttempts: 1,
    error: { code: "flaky", retryable: true },
  });
});
