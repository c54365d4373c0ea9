import { describe, expect } from "vitest";
import { Client, eventually } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import { verified } from "../support/receiver.ts";

const TOLERANCE_MS = 1_000; // a message that comes a second early is let through

describe("a handler that fails", () => {
  test("is tried again and succeeds on its third attempt", async ({ client, receiver, secret }) => {
    const inbox = receiver.open();
    const { id } = await client.submit({
      type: "diagnostics.flaky",
      input: { failures: 2, payload: { kept: true } },
      callbackUrl: inbox.url,
    });
    const retrying = await eventually(
      async () => {
        const task = await client.task(id);
        if (task.attempt !== 1 || task.status !== "queued") throw new Error(`${task.status} ${task.attempt}`);
        return task;
      },
      { everyMs: 20 },
    );
    expect(retrying.done).toBe(false);
    const [callback] = await inbox.wait(1, 30_000);
    expect(verified(callback, secret)).toMatchObject({
      type: "task.succeeded",
      data: { id, attempt: 3, result: { attempt: 3, payload: { kept: true } } },
    });
    const timeline = await client.timeline(id);
    expect(timeline.filter((item) => item.type === "task.started")).toHaveLength(3);
    expect(timeline.filter((item) => item.type === "task.succeeded")).toHaveLength(1);
    const starts = timeline.filter((item) => item.type === "task.started").map((item) => Date.parse(item.at));
    const [first = 0, second = 0, third = 0] = starts;
    // min(1 h, 2 s · 4ⁿ⁻¹) ± 20 %
    expect(second - first).toBeGreaterThanOrEqual(1_600 - TOLERANCE_MS);
    expect(third - second).toBeGreaterThanOrEqual(6_400 - TOLERANCE_MS);
  });

  test("ends as failed when its attempts are used up, and says so in the callback", async ({
    client,
    receiver,
    secret,
  }) => {
    const inbox = receiver.open();
    const { id } = await client.submit({
      type: "diagnostics.flaky",
      input: { failures: 99 },
      retries: 1,
      callbackUrl: inbox.url,
    });
    const [callback] = await inbox.wait(1, 20_000);
    const event = verified(callback, secret);
    expect(event).toMatchObject({
      type: "task.failed",
      data: { id, status: "failed", done: true, attempt: 2, maxAttempts: 2 },
    });
    const task = await client.ended(id);
    expect(task.error?.message).toBeTruthy();
    expect(task.error).toEqual(event.data.error);
    expect(task.result).toBeUndefined();
    expect((await client.timeline(id)).filter((item) => item.type === "task.failed")).toHaveLength(1);
  });

  test("is not tried again with retries: 0", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.flaky", input: { failures: 1 }, retries: 0 });
    expect(await client.ended(id)).toMatchObject({ status: "failed", attempt: 1, maxAttempts: 1 });
  });
});

describe("a start that lies ahead", () => {
  test("delay", async ({ client }) => {
    const before = Date.now();
    const submitted = await client.submit({ type: "diagnostics.echo", input: 1, delay: "3s" });
    expect(submitted.status).toBe("scheduled");
    expect(Date.parse(submitted.notBefore ?? "") - Date.parse(submitted.createdAt)).toBe(3_000);
    const task = await client.ended(submitted.id);
    expect(task.status).toBe("succeeded");
    expect(Date.parse(task.startedAt ?? "") - Date.parse(task.createdAt)).toBeGreaterThanOrEqual(
      3_000 - TOLERANCE_MS,
    );
    expect(Date.now() - before).toBeGreaterThanOrEqual(3_000 - TOLERANCE_MS);
  });

  test("notBefore, and the deadline counts from it", async ({ client }) => {
    const notBefore = new Date(Date.now() + 3_000).toISOString();
    const submitted = await client.submit({
      type: "diagnostics.echo",
      input: 1,
      notBefore,
      deadline: "1h",
    });
    expect(submitted).toMatchObject({ status: "scheduled", notBefore });
    expect(Date.parse(submitted.deadlineAt)).toBe(Date.parse(notBefore) + 3_600_000);
    const task = await client.ended(submitted.id);
    expect(Date.parse(task.startedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(notBefore) - TOLERANCE_MS);
  });

  test("a task far ahead waits as scheduled and says when to look again", async ({ client }) => {
    const reply = await client.send("POST", "/v1/tasks", {
      body: { type: "diagnostics.echo", input: 1, delay: "30d" },
    });
    expect(reply.status).toBe(202);
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(60);
  });
});

describe("a deadline", () => {
  test("that passes within an attempt ends the task as expired", async ({ client, receiver, secret }) => {
    const inbox = receiver.open();
    const { id } = await client.submit({
      type: "diagnostics.flaky",
      input: { failures: 0, sleepMs: 60_000 },
      deadline: "2s",
      callbackUrl: inbox.url,
    });
    const [callback] = await inbox.wait(1, 20_000);
    expect(verified(callback, secret)).toMatchObject({
      type: "task.expired",
      data: { id, status: "expired", error: { code: "deadline-exceeded" } },
    });
    const task = await client.ended(id);
    expect(Date.parse(task.endedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(task.deadlineAt));
    expect((await client.timeline(id)).filter((item) => item.type === "task.expired")).toHaveLength(1);
  });

  test("ends the waiting for another attempt too", async ({ client }) => {
    const { id } = await client.submit({
      type: "diagnostics.flaky",
      input: { failures: 9 },
      retries: 9,
      deadline: "4s",
    });
    expect(await client.ended(id, 55_000)).toMatchObject({
      status: "expired",
      error: { code: "deadline-exceeded" },
    });
  });
});

test("every stranger's view of a task is 404", async ({ stack, client }) => {
  const { id } = await client.submit({ type: "diagnostics.echo", input: "mine" });
  const stranger = new Client(stack.gateway, stack.gateway.apiKey);
  for (const path of [`/v1/tasks/${id}`, `/v1/tasks/${id}/result`, `/v1/tasks/${id}/events`]) {
    expect((await stranger.send("GET", path)).problem()).toMatchObject({ status: 404, code: "not-found" });
  }
});
