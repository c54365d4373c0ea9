import { describe, expect } from "vitest";
import * as z from "zod";
import { Ringback } from "../../src/client/index.ts";
import { BatchEvent } from "../../src/events/schema.ts";
import { Batch } from "../../src/tasks/batch/schema.ts";
import { type Client, eventually, newProject } from "../support/client.ts";
import { test, verifiedEndpoint } from "../support/endpoints.ts";
import type { Received } from "../support/receiver.ts";

const echo = (input: unknown, rest: object = {}) => ({ type: "diagnostics.echo", input, ...rest });
const failing = { type: "diagnostics.flaky", input: { failures: 9 }, retries: 0 };

const answer = z.object({
  data: z.array(
    z.looseObject({
      status: z.int(),
      task: z.looseObject({ id: z.string() }).optional(),
      replayed: z.boolean().optional(),
      problem: z.looseObject({ code: z.string() }).optional(),
    }),
  ),
  batch: z.object({ id: z.string().regex(/^batch_[0-7][0-9a-z]{25}$/) }).optional(),
});

async function submit(client: Client, body: object, headers: Record<string, string> = {}) {
  const reply = await client.send("POST", "/v1/tasks/batch", { body, headers });
  if (reply.status !== 202) throw new Error(`${reply.status}: ${reply.text}`);
  const { data, batch } = answer.parse(reply.json());
  return { data, id: batch?.id ?? "", ids: data.flatMap(({ task }) => (task ? [task.id] : [])) };
}

async function read(client: Client, id: string) {
  const reply = await client.send("GET", `/v1/batches/${id}`);
  if (reply.status !== 200) throw new Error(`${reply.status}: ${reply.text}`);
  return Batch.parse(reply.json());
}

const completed = (client: Client, id: string) =>
  eventually(async () => {
    const batch = await read(client, id);
    if (batch.status !== "completed") throw new Error(`${id} is ${batch.status}`);
    return batch;
  });

const eventOf = (received: Received | undefined) => BatchEvent.parse(JSON.parse(received?.body ?? "{}"));

describe("a batch with one callback", () => {
  test("calls it once when every accepted task has ended, however it ended", async ({ own, receiver }) => {
    const inbox = receiver.open();
    const items = receiver.open();
    const { data, id, ids } = await submit(own, {
      callbackUrl: inbox.url,
      metadata: { import: "1" },
      tasks: [
        echo(1, { callbackUrl: items.url }),
        failing,
        echo(2, { delay: "1h" }),
        { type: "no.such", input: 1 },
        echo(3),
      ],
    });
    expect(data.map(({ status }) => status)).toEqual([202, 202, 202, 422, 202]);
    await eventually(async () =>
      expect((await read(own, id)).counts).toMatchObject({ total: 4, open: 1, succeeded: 2, failed: 1 }),
    );
    expect(await read(own, id)).toMatchObject({ status: "open", metadata: { import: "1" } });
    expect(inbox.received).toEqual([]);
    await own.send("POST", `/v1/tasks/${ids[2]}/cancel`);
    const [callback] = await inbox.wait(1);
    const event = eventOf(callback);
    expect(event.data).toMatchObject({
      id,
      counts: { total: 4, succeeded: 2, failed: 1, canceled: 1, expired: 0 },
      metadata: { import: "1" },
    });
    expect(event.data.links.self).toMatch(new RegExp(`/v1/batches/${id}$`));
    const done = await completed(own, id);
    expect(done.completedAt).toBe(event.timestamp);
    expect(done.tasks.map((task) => task.id).toSorted()).toEqual(ids.toSorted());
    // The tasks do not inherit the address: only the one with its own was told of.
    expect((await items.wait(1)).map(({ body }) => JSON.parse(body).data.id)).toEqual([ids[0]]);
    expect(inbox.received).toHaveLength(1);
  });

  test("goes to the endpoints that subscribe, and its deliveries say which batch it is", async ({
    own,
    receiver,
  }) => {
    const { inbox, id: endpointId } = await verifiedEndpoint(own, receiver, { events: ["batch.*"] });
    const { id } = await submit(own, { metadata: {}, tasks: [echo(1)] });
    const [callback] = await inbox.wait(1);
    expect(eventOf(callback).data).toMatchObject({ id, counts: { total: 1, succeeded: 1 }, metadata: {} });
    const eventId = callback?.headers["webhook-id"];
    expect(eventId).toMatch(/^evt_/);
    expect(await read(own, id)).not.toHaveProperty("callbackUrl");
    const list = await own.send("GET", `/v1/deliveries?batchId=${id}`);
    const { data } = z.object({ data: z.array(z.looseObject({ id: z.string() })) }).parse(list.json());
    expect(data).toMatchObject([{ batchId: id, endpointId, eventId, eventType: "batch.completed" }]);
    expect(data[0]).not.toHaveProperty("taskId");
    const again = await own.send("POST", `/v1/deliveries/${data[0]?.id}/redeliver`);
    expect([again.status, again.json()]).toMatchObject([202, { batchId: id }]);
    expect((await inbox.wait(2))[1]?.headers["webhook-id"]).toBe(eventId);
  });

  test("counts a task once: a replay makes no second event", async ({ own, receiver }) => {
    const inbox = receiver.open();
    const { id, ids } = await submit(own, {
      callbackUrl: inbox.url,
      tasks: [failing, echo(1, { delay: "1h" })],
    });
    const [first = "", second = ""] = ids;
    await own.ended(first);
    await own.send("POST", `/v1/tasks/${first}/replay`);
    await eventually(async () => expect(await own.task(first)).toMatchObject({ run: 2, status: "failed" }));
    expect((await read(own, id)).counts).toMatchObject({ total: 2, open: 1, failed: 1 });
    await own.send("POST", `/v1/tasks/${second}/cancel`);
    expect(eventOf((await inbox.wait(1))[0]).data.counts).toMatchObject({ failed: 1, canceled: 1 });
    await own.send("POST", `/v1/tasks/${second}/cancel`);
    await own.send("POST", `/v1/tasks/${first}/replay`);
    await eventually(async () => expect(await own.task(first)).toMatchObject({ run: 3, status: "failed" }));
    expect((await read(own, id)).counts).toMatchObject({ total: 2, failed: 1, canceled: 1 });
    expect(inbox.received).toHaveLength(1);
  });

  test("is the same batch when it is repeated under its Idempotency-Key", async ({ own, receiver }) => {
    const inbox = receiver.open();
    const body = { callbackUrl: inbox.url, tasks: [echo(1), echo(2)] };
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    const first = await submit(own, body, headers);
    const again = await submit(own, body, headers);
    expect(again.id).toBe(first.id);
    expect(again.ids).toEqual(first.ids);
    expect(again.data.map(({ replayed }) => replayed)).toEqual([true, true]);
    await completed(own, first.id);
    const late = await submit(own, body, headers);
    expect(late.id).toBe(first.id);
    const other = await own.send("POST", "/v1/tasks/batch", {
      body: { ...body, metadata: { n: "1" } },
      headers,
    });
    expect([other.status, other.problem().code]).toEqual([422, "idempotency-key-reused"]);
    expect(eventOf((await inbox.wait(1))[0]).data.counts).toMatchObject({ total: 2, succeeded: 2 });
    expect(inbox.received).toHaveLength(1);
  });

  test("is complete at once when other requests have accepted all of its tasks", async ({
    own,
    receiver,
  }) => {
    const inbox = receiver.open();
    const item = echo(1, { idempotencyKey: crypto.randomUUID() });
    const alone = await submit(own, { tasks: [item] });
    expect(alone.id).toBe("");
    const { id, data } = await submit(own, { callbackUrl: inbox.url, tasks: [item] });
    expect(data[0]?.replayed).toBe(true);
    expect(eventOf((await inbox.wait(1))[0]).data).toMatchObject({ id, counts: { total: 0 } });
  });

  test("is refused as a whole for an unsafe address, and holds no key when nothing is accepted", async ({
    own,
  }) => {
    const unsafe = await own.send("POST", "/v1/tasks/batch", {
      body: { callbackUrl: "http://169.254.169.254/latest", tasks: [echo(1)] },
    });
    expect([unsafe.status, unsafe.problem().code]).toEqual([422, "unsafe-callback-url"]);
    expect(unsafe.json()).toMatchObject({ errors: [{ pointer: "#/callbackUrl" }] });
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    const none = await own.send("POST", "/v1/tasks/batch", {
      body: { metadata: {}, tasks: [{ type: "no.such", input: 1 }] },
      headers,
    });
    expect([none.status, none.problem().code]).toEqual([422, "nothing-accepted"]);
    expect(none.json()).not.toHaveProperty("batch");
    expect((await submit(own, { metadata: {}, tasks: [echo(1)] }, headers)).id).not.toBe("");
  });

  test("is found only in its own project, with tasks:read", async ({ own, stack }) => {
    const { id } = await submit(own, { metadata: {}, tasks: [echo(1)] });
    const other = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    expect((await other.send("GET", `/v1/batches/${id}`)).problem().code).toBe("not-found");
    const writer = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`, ["tasks:write"]);
    expect((await writer.send("GET", `/v1/batches/${id}`)).problem().code).toBe("forbidden");
    expect((await own.send("GET", "/v1/batches/batch_x")).problem().code).toBe("not-found");
  });

  test("is submitted and read by the client", async ({ own, receiver }) => {
    const inbox = receiver.open();
    const ringback = new Ringback({ url: own.url, apiKey: own.authorization.replace("Bearer ", "") });
    const { batch } = await ringback.tasks.submitBatch([{ type: "diagnostics.echo", input: 1 }], {
      callbackUrl: inbox.url,
    });
    if (!batch) throw new Error("there is no batch");
    await inbox.wait(1);
    expect(await ringback.batches.get(batch)).toMatchObject({ id: batch.id, counts: { total: 1 } });
  });
});
