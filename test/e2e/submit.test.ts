import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { task as taskShape } from "../support/contract.ts";
import { test } from "../support/fixture.ts";
import { verified } from "../support/receiver.ts";

const echo = (input: unknown): { type: string; input: unknown } => ({ type: "diagnostics.echo", input });

describe("POST /v1/tasks", () => {
  test("answers 202 with the task and where to look", async ({ client }) => {
    const reply = await client.send("POST", "/v1/tasks", {
      body: { ...echo({ a: [1, "two", null] }), metadata: { orderId: "o-1" }, retries: 2 },
      headers: { prefer: "respond-async" },
    });
    expect(reply.status).toBe(202);
    const task = taskShape.parse(reply.json());
    const self = `${client.url}/v1/tasks/${task.id}`;
    expect(reply.headers.get("location")).toBe(self);
    expect(reply.headers.get("operation-location")).toBe(`${self}/operation`);
    expect(reply.headers.get("content-location")).toBe(self);
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(reply.headers.get("x-request-id")).toBeTruthy();
    expect(reply.headers.get("preference-applied")).toBe("respond-async");
    expect(reply.headers.get("vary")?.toLowerCase()).toContain("prefer");
    expect(reply.headers.get("content-type")).toMatch(/^application\/json/);
    expect(task).toMatchObject({
      type: "diagnostics.echo",
      done: false,
      run: 1,
      maxAttempts: 3,
      metadata: { orderId: "o-1" },
      links: { self, result: `${self}/result`, events: `${self}/events` },
    });
    expect(Date.parse(task.deadlineAt) - Date.parse(task.createdAt)).toBe(24 * 3_600_000);
    expect(await client.ended(task.id)).toMatchObject({ status: "succeeded", attempt: 1 });
  });

  test("a task is never missing right after its 202", async ({ client }) => {
    const ids = await Promise.all(
      Array.from({ length: 10 }, async (_, n) => {
        const { id } = await client.submit(echo(n));
        return (await client.task(id)).id;
      }),
    );
    expect(new Set(ids).size).toBe(10);
  });

  test("runs the task and calls back with its result, verified by standardwebhooks and svix", async ({
    client,
    receiver,
    secret,
  }) => {
    const inbox = receiver.open();
    const submitted = await client.submit({
      ...echo({ hello: "wörld ✓" }),
      callbackUrl: inbox.url,
      metadata: { orderId: "o-2" },
    });
    const [callback] = await inbox.wait(1);
    const event = verified(callback, secret);
    const task = await client.ended(submitted.id);
    expect(callback).toMatchObject({ method: "POST" });
    expect(callback?.headers["content-type"]).toMatch(/^application\/json/);
    expect(callback?.headers["user-agent"]).toMatch(/^Ringback\/\d/);
    expect(callback?.headers["webhook-id"]).toMatch(/^evt_/);
    expect(event).toMatchObject({
      type: "task.succeeded",
      data: {
        id: submitted.id,
        status: "succeeded",
        done: true,
        run: 1,
        attempt: 1,
        result: { hello: "wörld ✓" },
        metadata: { orderId: "o-2" },
      },
    });
    expect(event.data.endedAt).toBe(task.endedAt);
    expect(event.data.sequence).toBe(task.sequence);
    expect(event.data.project).toMatch(/^prj_/);
    const delivery = await client.settled(submitted.id);
    expect(delivery).toMatchObject({
      status: "delivered",
      eventId: callback?.headers["webhook-id"],
      eventType: "task.succeeded",
      url: inbox.url,
      attempts: [{ statusCode: 200 }],
    });
    expect(await client.task(submitted.id)).toMatchObject({
      result: { hello: "wörld ✓" },
      callback: { url: inbox.url, status: "delivered", attempts: 1, deliveryId: delivery.id },
    });
    await sleep(1_000);
    expect(inbox.received).toHaveLength(1);
  });

  test("carries a trace on to the callback", async ({ client, receiver }) => {
    const trace = {
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      tracestate: "vendor=t61rcWkgMzE,other=1",
    };
    const inbox = receiver.open();
    await client.submit({ ...echo(1), callbackUrl: inbox.url }, trace);
    const [callback] = await inbox.wait(1);
    expect(callback?.headers).toMatchObject(trace);
  });

  test("a callback goes out for those events alone that were asked for", async ({ client, receiver }) => {
    const inbox = receiver.open();
    const { id } = await client.submit({
      ...echo(1),
      callbackUrl: inbox.url,
      callbackEvents: ["task.failed"],
    });
    expect(await client.ended(id)).toMatchObject({ status: "succeeded" });
    await sleep(1_000);
    expect(inbox.received).toHaveLength(0);
    expect(await client.deliveries(id)).toEqual([]);
  });

  test("the timeline tells the whole way, in order", async ({ client }) => {
    const { id } = await client.submit(echo("x"));
    const task = await client.ended(id);
    const timeline = await client.timeline(id);
    expect(timeline.map((item) => item.type)).toEqual(["task.created", "task.started", "task.succeeded"]);
    expect(timeline.map((item) => item.sequence)).toEqual([1, 2, 3]);
    expect(timeline.at(-1)?.at).toBe(task.endedAt);
    expect(timeline.every((item) => item.run === 1)).toBe(true);
  });
});

describe("Idempotency-Key", () => {
  test("the same key with the same body is the same task, quoted or bare", async ({ client, receiver }) => {
    const inbox = receiver.open();
    const body = { ...echo({ b: 1, a: 2 }), callbackUrl: inbox.url };
    const key = crypto.randomUUID();
    const first = await client.submit(body, { "idempotency-key": key });
    const reordered = { callbackUrl: inbox.url, input: { a: 2, b: 1 }, type: "diagnostics.echo" };
    const again = await client.send("POST", "/v1/tasks", {
      body: reordered,
      headers: { "idempotency-key": `"${key}"` },
    });
    expect(again.status).toBe(202);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(again.headers.get("location")).toBe(`${client.url}/v1/tasks/${first.id}`);
    expect(taskShape.parse(again.json()).id).toBe(first.id);
    await client.settled(first.id);
    await sleep(500);
    expect(inbox.received).toHaveLength(1);
  });

  test("many at once with one key are one task", async ({ client }) => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const tasks = await Promise.all(Array.from({ length: 8 }, () => client.submit(echo("once"), headers)));
    expect(new Set(tasks.map((task) => task.id)).size).toBe(1);
  });

  test("the same key with another body is refused", async ({ client }) => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    await client.submit(echo(1), headers);
    const other = await client.send("POST", "/v1/tasks", { body: echo(2), headers });
    expect(other.problem()).toMatchObject({ status: 422, code: "idempotency-key-reused" });
  });

  test("a refusal holds no key", async ({ client }) => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const refused = await client.send("POST", "/v1/tasks", { body: { type: "no.such", input: 1 }, headers });
    expect(refused.problem().code).toBe("unknown-task-type");
    await client.submit(echo(1), headers);
  });
});
