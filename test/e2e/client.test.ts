import { describe, expect } from "vitest";
import { Ringback, type RingbackError, type Task, type TaskEvent } from "../../src/client/index.ts";
import type { diagnostics, tasks } from "../../src/task-types/index.ts";
import { type Client, newProject } from "../support/client.ts";
import { task as taskShape } from "../support/contract.ts";
import { test } from "../support/fixture.ts";
import { host } from "../support/host.ts";
import { verified } from "../support/receiver.ts";

// The rows of the contract, as a program meets them that uses the client.

type Types = [...typeof tasks, ...typeof diagnostics];

const ringbackOf = ({ url, authorization }: Client, options = {}) =>
  new Ringback<Types>({ url, apiKey: authorization.replace("Bearer ", ""), ...options });

const refusal = (call: Promise<unknown>): Promise<RingbackError> =>
  call.then(
    () => expect.fail("it was not refused"),
    (error: RingbackError) => error,
  );

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe("a task by the client", () => {
  test("is submitted, waited for, read, and called back", async ({ client, receiver, secret }) => {
    const ringback = ringbackOf(client);
    const { tasks } = ringback;
    const inbox = receiver.open();
    const input = {
      csv: "region,amount\nnorth,10\nsouth,5\nnorth,7\n",
      groupBy: "region",
      aggregate: { amount: "sum" },
    } as const;
    const settings = { callbackUrl: inbox.url, metadata: { orderId: "o-1" }, deadline: "5m" };
    const submitted = await tasks.submit("report.generate", input, settings);
    expect(taskShape.parse(submitted)).toMatchObject({
      type: "report.generate",
      metadata: { orderId: "o-1" },
    });
    const ended = await tasks.wait(submitted, { timeout: 30_000 });
    expect(ended).toMatchObject({ id: submitted.id, status: "succeeded", done: true });
    expect(ended.result?.groups).toEqual([
      { key: "north", amount: 17 },
      { key: "south", amount: 5 },
    ]);
    expect(await tasks.result(submitted)).toEqual(ended.result);
    expect(await tasks.get(submitted.id, { include: "input" })).toMatchObject({ input });
    const [callback] = await inbox.wait(1);
    expect(verified(callback, secret).data.result).toEqual(ended.result);
    expect((await ringback.signingSecret()).secret).toBe(secret);
  });

  test("that fails, is canceled or expires is an ended task, and has no result", async ({ client }) => {
    const { tasks } = ringbackOf(client);
    const failing = await tasks.submit("diagnostics.flaky", { failures: 9 }, { retries: 0 });
    const later = await tasks.submit("diagnostics.echo", 1, { delay: "1h" });
    const short = await tasks.submit(
      "diagnostics.flaky",
      { failures: 0, sleepMs: 60_000 },
      { deadline: "1s" },
    );
    expect(await tasks.cancel(later)).toMatchObject({ status: "canceled" });
    const ends: readonly (readonly [Task, string, string | undefined])[] = [
      [failing, "failed", "flaky"],
      [later, "canceled", undefined],
      [short, "expired", "deadline-exceeded"],
    ];
    await Promise.all(
      ends.map(async ([task, status, code]) => {
        const ended = await tasks.wait(task, { timeout: 45_000 });
        expect(ended).toMatchObject({ status, done: true });
        expect(ended.error?.code).toBe(code);
        expect(await refusal(tasks.result(task))).toMatchObject({ code: "task-not-succeeded", status: 409 });
      }),
    );
  });

  test("has no result at all where its handler returned none", async ({ client }) => {
    const { tasks } = ringbackOf(client);
    expect(await tasks.result(await tasks.submit("diagnostics.echo", null))).toBeNull();
  });

  test("has ended with the answer when the submit waits", async ({ client }) => {
    const ended = await ringbackOf(client).tasks.submit("diagnostics.echo", { a: "ż" }, { wait: 20 });
    expect(ended).toMatchObject({ status: "succeeded", result: { a: "ż" } });
  });

  test.for(["events", "wait", "poll"] as const)("is waited for by %s", async (via, { client }) => {
    const { tasks } = ringbackOf(client);
    const task = await tasks.submit("diagnostics.flaky", { failures: 0, sleepMs: 700, payload: [1] });
    expect(await tasks.wait(task, { via, timeout: 30_000 })).toMatchObject({
      status: "succeeded",
      result: { attempt: 1, payload: [1] },
    });
  });

  test("tells its events and its progress while it runs", async ({ client }) => {
    const { tasks } = ringbackOf(client);
    const { id } = await tasks.submit("diagnostics.wait", { holdMs: 3_000, everyMs: 100 });
    const told: TaskEvent[] = [];
    const onEvent = (event: TaskEvent): void => {
      told.push(event);
      if (event.type === "task.waiting") void tasks.cancel(id);
    };
    const ended = await tasks.wait(id, { onEvent, timeout: 45_000 });
    expect(ended.status).toBe("canceled");
    const changes = told.filter(({ sequence }) => sequence !== undefined);
    expect(changes.map(({ type }) => type)).toEqual([
      "task.created",
      "task.started",
      "task.waiting",
      "task.canceled",
    ]);
    const progress = { attempt: 1, message: expect.stringMatching(/^Step/) };
    expect(told.find(({ type }) => type === "task.progress")).toMatchObject(progress);
    const [, started] = changes;
    expect(await all(tasks.events(id, { after: started?.sequence ?? 0 }))).toEqual(changes.slice(2));
  });

  test("is replayed, and erased", async ({ client }) => {
    const { tasks } = ringbackOf(client);
    const task = await tasks.submit("diagnostics.echo", 1, { wait: 20 });
    expect(await tasks.replay(task)).toMatchObject({ id: task.id, run: 2 });
    expect(await tasks.wait(task)).toMatchObject({ status: "succeeded", run: 2 });
    await tasks.delete(task);
    expect(await refusal(tasks.get(task))).toMatchObject({ code: "not-found", status: 404 });
  });

  test("is found in the list, over several pages", async ({ stack }) => {
    const { tasks } = ringbackOf(await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`));
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push((await tasks.submit("diagnostics.echo", n, { delay: "1h" })).id);
    await tasks.cancel(ids[0] ?? "");
    const listed = await all(tasks.list({ limit: 2 }));
    expect(listed.map(({ id }) => id)).toEqual(ids.toReversed());
    const canceled = await all(tasks.list({ status: "canceled", type: "diagnostics.echo" }));
    expect(canceled.map(({ id }) => id)).toEqual([ids[0]]);
    expect(await all(tasks.list({ createdBefore: new Date(0) }))).toEqual([]);
  });
});

describe("a batch by the client", () => {
  test("is accepted item by item, in order", async ({ client }) => {
    const { tasks } = ringbackOf(client);
    const { data } = await tasks.submitBatch([
      { type: "diagnostics.echo", input: 1, idempotencyKey: "one" },
      { type: "links.check", input: { urls: [] }, delay: "never" },
      { type: "diagnostics.echo", input: 1, idempotencyKey: "one" },
    ]);
    expect(data.map(({ status }) => status)).toEqual([202, 422, 202]);
    expect(data[1]?.problem?.errors?.[0]?.pointer).toBe("#/tasks/1/delay");
    expect(data[2]?.task?.id).toBe(data[0]?.task?.id);
    expect(await tasks.result(data[0]?.task?.id ?? "")).toBe(1);
    const none = await refusal(tasks.submitBatch([{ type: "diagnostics.echo", input: 1, delay: "x" }]));
    expect(none).toMatchObject({ code: "nothing-accepted", status: 422 });
  });
});

describe("deliveries and endpoints by the client", () => {
  test("a delivery is listed, read and sent again", async ({ client, receiver }) => {
    const { tasks, deliveries } = ringbackOf(client);
    const inbox = receiver.open();
    const { id } = await tasks.submit("diagnostics.echo", 1, { callbackUrl: inbox.url });
    await client.settled(id);
    const [delivery] = await all(deliveries.list({ taskId: id }));
    expect(delivery).toMatchObject({ taskId: id, status: "delivered", url: inbox.url });
    expect((await deliveries.get(delivery?.id ?? "")).attempts).toHaveLength(1);
    expect(await deliveries.redeliver(delivery?.id ?? "")).toMatchObject({ id: delivery?.id });
    const [first, second] = await inbox.wait(2);
    expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
  });

  test("an endpoint goes through all of its calls", async ({ stack, receiver }) => {
    const { endpoints } = ringbackOf(await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`));
    const inbox = receiver.open(({ body }) => ({
      body: JSON.stringify({ challenge: JSON.parse(body).data.challenge }),
    }));
    const made = await endpoints.create({ url: inbox.url, events: ["task.*"], metadata: { team: "a" } });
    expect(made).toMatchObject({ verified: false, secret: expect.stringMatching(/^whsec_/) });
    expect(await endpoints.verify(made.id)).toMatchObject({ verified: true });
    expect(await endpoints.test(made.id)).toMatchObject({ delivered: true });
    expect(await endpoints.get(made.id)).toMatchObject({ health: { failures: 0 } });
    expect((await all(endpoints.list())).map(({ id }) => id)).toContain(made.id);
    expect(await endpoints.update(made.id, { description: "orders" })).toMatchObject({
      description: "orders",
    });
    expect(await endpoints.secret(made.id)).toMatchObject({ secret: made.secret });
    const rotated = await endpoints.rotateSecret(made.id, { overlap: "1h" });
    expect(rotated?.previous.map(({ secret }) => secret)).toEqual([made.secret]);
    const since = new Date(Date.now() - 60_000).toISOString();
    expect(await endpoints.recover(made.id, { since, dryRun: true })).toMatchObject({
      dryRun: true,
      count: 0,
    });
    await endpoints.delete(made.id);
    expect(await refusal(endpoints.get(made.id))).toMatchObject({ code: "not-found" });
  });
});

describe("the client", () => {
  test("runs on workerd and on Deno as it is", async ({ client, stack }) => {
    const key = client.authorization.replace("Bearer ", "");
    const env = () => ({ GATEWAY: client.url, KEY: key });
    const worker = await host(stack.runtime, "test/support/client-worker.ts", env);
    try {
      const response = await fetch(worker.url);
      expect(await response.json()).toEqual({
        status: "succeeded",
        result: { attempt: 1, payload: "ż" },
        told: ["task.created", "task.started", "task.succeeded"],
        bare: { attempt: 1, payload: "ż" },
        code: "unknown-task-type",
      });
    } finally {
      await worker.stop();
    }
  });
});

describe("what goes wrong", () => {
  test("a refusal has the code, the faults and the id of the request", async ({ client, stack }) => {
    const untyped: Ringback = new Ringback({ url: client.url, apiKey: client.authorization.slice(7) });
    const invalid = await refusal(untyped.tasks.submit("links.check", { urls: 1 }));
    expect(invalid).toMatchObject({ code: "invalid-request", status: 422, requestId: expect.any(String) });
    expect(invalid.errors.map(({ pointer }) => pointer)).toEqual(["#/input/urls"]);
    expect(await refusal(untyped.tasks.submit("no.such", 1))).toMatchObject({ code: "unknown-task-type" });
    const stranger = new Ringback({ url: client.url, apiKey: "rb_x" });
    expect(await refusal(stranger.tasks.submit("diagnostics.echo", 1))).toMatchObject({
      code: "unauthenticated",
      status: 401,
    });
    const reader = await newProject(stack.gateway, `reader-${crypto.randomUUID()}`, ["tasks:read"]);
    expect(await refusal(ringbackOf(reader).tasks.submit("diagnostics.echo", 1))).toMatchObject({
      code: "forbidden",
      status: 403,
    });
  });

  test("a submit over the rate is repeated until it is accepted, once", async ({ stack }) => {
    const name = `limits-${crypto.randomUUID()}`;
    const client = await newProject(stack.gateway, name);
    const admin = new Ringback({ url: client.url, apiKey: stack.gateway.adminToken });
    const { id } = await admin.request<{ id: string }>("POST", "/admin/projects", { body: { name } });
    await admin.request("PATCH", `/admin/projects/${id}`, { body: { rateLimit: 2 } });
    const { tasks } = ringbackOf(client);
    const sent = Array.from({ length: 4 }, (_, n) => tasks.submit("diagnostics.echo", n));
    const accepted = new Set((await Promise.all(sent)).map((task) => task.id));
    expect(accepted.size).toBe(4);
    expect(await all(tasks.list())).toHaveLength(4);
  });

  test("a submit whose answers are lost makes one task", async ({ stack }) => {
    const client = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    let lost = 0;
    const { tasks } = ringbackOf(client, {
      fetch: async (url: string, init: RequestInit) => {
        const response = await fetch(url, init);
        if (init.method === "POST" && lost++ < 2) throw new TypeError("the answer is lost");
        return response;
      },
    });
    const { id } = await tasks.submit("diagnostics.echo", 1);
    expect((await all(tasks.list())).map((task) => task.id)).toEqual([id]);
    expect(lost).toBe(3);
  });

  test("the caller's signal ends a wait, and the task goes on", async ({ client }) => {
    const { tasks } = ringbackOf(client);
    const task = await tasks.submit("diagnostics.echo", 1, { delay: "1h" });
    const signal = AbortSignal.timeout(300);
    await expect(tasks.wait(task, { signal })).rejects.toMatchObject({ name: "TimeoutError" });
    await expect(tasks.wait(task, { timeout: 300 })).rejects.toMatchObject({ code: "timeout" });
    expect(await tasks.get(task)).toMatchObject({ status: "scheduled" });
    await tasks.cancel(task);
  });
});
