import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { Client, newProject } from "../support/client.ts";
import type { Task } from "../support/contract.ts";
import { test } from "../support/fixture.ts";
import { verified } from "../support/receiver.ts";
import { handOn, reached } from "../support/waiting.ts";

/** Cancels a task that must be there for it. */
async function cancel(client: Client, id: string, headers?: Record<string, string>): Promise<Task> {
  const reply = await client.send("POST", `/v1/tasks/${id}/cancel`, headers ? { headers } : {});
  expect(reply.status).toBe(200);
  return client.task(id);
}

describe("POST /v1/tasks/{id}/cancel", () => {
  test("a scheduled task: 200 with the task, again 200, and it never runs", async ({
    client,
    receiver,
    secret,
  }) => {
    const inbox = receiver.open();
    const { id } = await client.submit({
      type: "diagnostics.echo",
      input: 1,
      delay: "2s",
      callbackUrl: inbox.url,
    });
    const first = await client.send("POST", `/v1/tasks/${id}/cancel`);
    expect(first.status).toBe(200);
    expect(first.json()).toMatchObject({ id, status: "canceled", done: true, sequence: 2, attempt: 0 });
    const again = await client.send("POST", `/v1/tasks/${id}/cancel`);
    expect(again.status).toBe(200);
    const [callback] = await inbox.wait(1);
    const event = verified(callback, secret);
    expect(event).toMatchObject({ type: "task.canceled", data: { id, status: "canceled", sequence: 2 } });
    await sleep(3_000);
    expect(await client.task(id)).toMatchObject({ status: "canceled", sequence: 2 });
    expect(inbox.received).toHaveLength(1);
    expect((await client.timeline(id)).map(({ type, actor }) => `${type} ${actor}`)).toEqual([
      "task.created client",
      expect.stringMatching(/^task\.canceled key_[0-9a-z]{26}$/),
    ]);
  });

  test("a running task: the handler's signal aborts within 10 s, and what it brings later changes nothing", {
    timeout: 60_000,
  }, async ({ client, receiver, secret }) => {
    const [ticks, inbox] = [receiver.open(), receiver.open()];
    const input = { tickUrl: ticks.url, holdMs: 40_000, everyMs: 1_000 };
    const { id } = await handOn(client, receiver, { input, callbackUrl: inbox.url });
    await ticks.wait(2);
    expect((await cancel(client, id)).status).toBe("canceled");
    expect(verified((await inbox.wait(1))[0], secret).type).toBe("task.canceled");
    await sleep(10_500);
    const heard = ticks.received.length;
    await sleep(2_500);
    expect(ticks.received).toHaveLength(heard);
    expect(await client.task(id)).toMatchObject({ status: "canceled", sequence: 3 });
    expect(inbox.received).toHaveLength(1);
  });

  test("a handler that says how far it is hears of it with its next progress", async ({
    client,
    receiver,
  }) => {
    const ticks = receiver.open();
    const input = { tickUrl: ticks.url, holdMs: 30_000, everyMs: 200 };
    const { id } = await handOn(client, receiver, { input });
    await ticks.wait(3);
    await cancel(client, id);
    await sleep(2_500);
    const heard = ticks.received.length;
    await sleep(1_500);
    expect(ticks.received).toHaveLength(heard);
  });

  test("a result that comes after it changes nothing", async ({ client }) => {
    const { id } = await client.submit({
      type: "diagnostics.flaky",
      input: { failures: 0, sleepMs: 2_000, payload: "late" },
    });
    await reached(client, id, "running");
    const before = await cancel(client, id);
    await sleep(3_000);
    expect(await client.task(id)).toEqual(before);
    expect(before).not.toHaveProperty("result");
  });

  test("a task between two attempts is not tried again", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.flaky", input: { failures: 9 } });
    await reached(client, id, "queued");
    expect(await cancel(client, id)).toMatchObject({ status: "canceled" });
    await sleep(4_000);
    expect(await client.task(id)).toMatchObject({ status: "canceled" });
  });

  test("a waiting task", async ({ client, receiver }) => {
    const { id } = await handOn(client, receiver);
    await reached(client, id, "waiting");
    expect(await cancel(client, id)).toMatchObject({ status: "canceled", sequence: 4 });
  });

  test("a task that ended otherwise: 409 task-already-ended, which names the status", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1 });
    await client.ended(id);
    const reply = await client.send("POST", `/v1/tasks/${id}/cancel`);
    expect(reply.problem()).toMatchObject({ status: 409, code: "task-already-ended" });
    expect(reply.problem().detail).toContain("succeeded");
    expect((await client.task(id)).status).toBe("succeeded");
  });

  test("ten at once make one cancel, and all are answered 200", async ({ client, receiver }) => {
    const inbox = receiver.open();
    const { id } = await handOn(client, receiver, { callbackUrl: inbox.url });
    await reached(client, id, "waiting");
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => client.send("POST", `/v1/tasks/${id}/cancel`)),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect((await client.timeline(id)).filter(({ type }) => type === "task.canceled")).toHaveLength(1);
    await inbox.wait(1);
    await sleep(500);
    expect(inbox.received).toHaveLength(1);
  });

  test("with an Idempotency-Key: repeated after a replay it does not cancel the new run", async ({
    client,
    receiver,
  }) => {
    const { id, next } = await handOn(client, receiver);
    const headers = { "idempotency-key": crypto.randomUUID() };
    await cancel(client, id, headers);
    expect((await client.send("POST", `/v1/tasks/${id}/replay`)).status).toBe(202);
    await next();
    const repeated = await client.send("POST", `/v1/tasks/${id}/cancel`, { headers });
    expect([repeated.status, repeated.headers.get("idempotent-replayed")]).toEqual([200, "true"]);
    expect(await client.task(id)).toMatchObject({ done: false, run: 2 });
  });

  test("is not for strangers", async ({ client, stack }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, delay: "1h" });
    const stranger = new Client(stack.gateway, stack.gateway.apiKey);
    for (const [method, path] of [
      ["POST", `/v1/tasks/${id}/cancel`],
      ["POST", `/v1/tasks/${id}/replay`],
      ["DELETE", `/v1/tasks/${id}`],
    ] as const) {
      expect((await stranger.send(method, path)).problem()).toMatchObject({ status: 404, code: "not-found" });
      expect((await new Client(stack.gateway).send(method, path)).problem().status).toBe(401);
    }
    expect((await client.task(id)).status).toBe("scheduled");
  });

  test("needs the scope tasks:write: 403 to a key that may only read", async ({ stack }) => {
    const name = `e2e-${crypto.randomUUID()}`;
    const writer = await newProject(stack.gateway, name);
    const reader = await newProject(stack.gateway, name, ["tasks:read"]);
    const { id } = await writer.submit({ type: "diagnostics.echo", input: 1, delay: "1h" });
    for (const [method, path] of [
      ["POST", `/v1/tasks/${id}/cancel`],
      ["POST", `/v1/tasks/${id}/replay`],
      ["DELETE", `/v1/tasks/${id}`],
    ] as const) {
      expect((await reader.send(method, path)).problem()).toMatchObject({ status: 403, code: "forbidden" });
    }
    expect((await reader.task(id)).status).toBe("scheduled");
  });
});
