import { describe, expect } from "vitest";
import * as z from "zod";
import { type Client, eventually, newProject } from "../support/client.ts";
import { patch, type Registered, test, verifiedEndpoint } from "../support/endpoints.ts";
import type { Receiver } from "../support/receiver.ts";

const ECHO = { type: "diagnostics.echo", input: "x" };

const recovery = z.strictObject({
  dryRun: z.boolean(),
  count: z.number(),
  recovered: z.number(),
  remaining: z.number(),
  pace: z.number(),
  nextCursor: z.nullable(z.string()),
  deliveries: z.array(z.looseObject({ id: z.string(), eventId: z.string(), status: z.string() })),
});

async function recover(client: Client, id: string, body: object, headers: Record<string, string> = {}) {
  const reply = await client.send("POST", `/v1/endpoints/${id}/recover`, { body, headers });
  return { ...reply, body: recovery.parse(reply.json()) };
}

/** An endpoint that has refused so many events and takes everything from now on. */
async function withLetters(client: Client, receiver: Receiver, count: number, wanted: object = {}) {
  const refusals = Array.from({ length: count }, () => ({ status: 400 }));
  const script = [...refusals, { status: 200 }];
  const endpoint = await verifiedEndpoint(
    client,
    receiver,
    { events: ["task.succeeded"], retrySchedule: [], ...wanted },
    script,
  );
  for (let n = 1; n <= count; n++) {
    await client.submit(ECHO);
    await endpoint.inbox.wait(n);
  }
  await eventually(async () => {
    const { body } = await recover(client, endpoint.id, { since: hourAgo(), dryRun: true });
    if (body.count < count) throw new Error(`${body.count} of ${count}`);
  });
  return endpoint;
}

const hourAgo = () => new Date(Date.now() - 3_600_000).toISOString();
const eventsOf = ({ inbox }: Registered) => inbox.received.map(({ headers }) => headers["webhook-id"]);

describe("POST /v1/endpoints/{id}/recover", () => {
  test("a dry run says how many and which, and sends nothing", async ({ own, receiver }) => {
    const endpoint = await withLetters(own, receiver, 3);
    const { status, body } = await recover(own, endpoint.id, { since: hourAgo(), dryRun: true });
    expect(status).toBe(200);
    expect(body).toMatchObject({ dryRun: true, count: 3, recovered: 0, remaining: 3, pace: 10 });
    expect(body.deliveries.map(({ eventId }) => eventId)).toEqual(eventsOf(endpoint));
    expect(endpoint.inbox.received).toHaveLength(3);
    const later = await recover(own, endpoint.id, { since: new Date().toISOString(), dryRun: true });
    expect(later.body.count).toBe(0);
    const earlier = await recover(own, endpoint.id, {
      since: "2020-01-01T00:00:00Z",
      until: hourAgo(),
      dryRun: true,
    });
    expect(earlier.body.count).toBe(0);
  });

  test("sends each again with its event id and body; the same key does so once", async ({
    own,
    receiver,
  }) => {
    const endpoint = await withLetters(own, receiver, 3);
    const missed = [...endpoint.inbox.received];
    const key = { "idempotency-key": crypto.randomUUID() };
    const request = { since: hourAgo(), pace: 5 };
    const first = await recover(own, endpoint.id, request, key);
    expect(first.status).toBe(202);
    expect(first.body).toMatchObject({ dryRun: false, count: 3, recovered: 3, remaining: 0, pace: 5 });
    const again = await recover(own, endpoint.id, request, key);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(again.body.recovered).toBe(3);
    const all = await endpoint.inbox.wait(6, 20_000);
    const sent = all.slice(3);
    expect(new Set(sent.map(({ headers }) => headers["webhook-id"]))).toEqual(
      new Set(missed.map(({ headers }) => headers["webhook-id"])),
    );
    expect(new Set(sent.map(({ body }) => body))).toEqual(new Set(missed.map(({ body }) => body)));
    const { body } = await recover(own, endpoint.id, { since: hourAgo(), dryRun: true });
    expect(body.count).toBe(0);
    const reused = await own.send("POST", `/v1/endpoints/${endpoint.id}/recover`, {
      body: { ...request, pace: 6 },
      headers: key,
    });
    expect(reused.status).toBe(422);
    expect(reused.problem().code).toBe("idempotency-key-reused");
  });

  test("sends them at a pace that the endpoint bears", async ({ own, receiver }) => {
    const endpoint = await withLetters(own, receiver, 3);
    const { body } = await recover(own, endpoint.id, { since: hourAgo(), pace: 1 });
    expect(body).toMatchObject({ recovered: 3, pace: 1 });
    const sent = (await endpoint.inbox.wait(6, 30_000)).slice(3);
    expect((sent[2]?.at ?? 0) - (sent[0]?.at ?? 0)).toBeGreaterThan(1_000);
    const limited = await withLetters(own, receiver, 1, { rateLimit: 7 });
    const dry = await recover(own, limited.id, { since: hourAgo(), dryRun: true });
    expect(dry.body.pace).toBe(7);
  });

  test("brings back what happened while the endpoint was disabled, once it is open", async ({
    own,
    receiver,
  }) => {
    const endpoint = await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] });
    await patch(own, endpoint.id, { disabled: true });
    const { id } = await own.submit(ECHO);
    await own.ended(id);
    const closed = await own.send("POST", `/v1/endpoints/${endpoint.id}/recover`, {
      body: { since: hourAgo() },
    });
    expect(closed.status).toBe(409);
    expect(closed.problem().code).toBe("endpoint-closed");
    expect((await recover(own, endpoint.id, { since: hourAgo(), dryRun: true })).body.count).toBe(1);
    await patch(own, endpoint.id, { disabled: false });
    expect((await recover(own, endpoint.id, { since: hourAgo() })).body.recovered).toBe(1);
    const [received] = await endpoint.inbox.wait(1);
    expect(received?.body).toContain(id);
  });

  test("knows nothing of the events of a task that was erased", async ({ own, receiver }) => {
    const endpoint = await withLetters(own, receiver, 2);
    const { body } = await recover(own, endpoint.id, { since: hourAgo(), dryRun: true });
    const taskId = body.deliveries[0]?.["taskId"];
    expect((await own.send("DELETE", `/v1/tasks/${taskId}`)).status).toBe(204);
    const after = await recover(own, endpoint.id, { since: hourAgo() });
    expect(after.body).toMatchObject({ count: 1, recovered: 1, remaining: 0 });
  });

  test("shows a hundred at a time, and goes on where the cursor says", async ({ own, receiver }) => {
    const endpoint = await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] });
    await patch(own, endpoint.id, { disabled: true });
    const tasks = Array.from({ length: 60 }, () => ECHO);
    for (let batch = 0; batch < 2; batch++) await own.send("POST", "/v1/tasks/batch", { body: { tasks } });
    const request = { since: hourAgo(), dryRun: true };
    const first = await eventually(async () => {
      const { body } = await recover(own, endpoint.id, request);
      if (body.count < 120) throw new Error(`${body.count} of 120`);
      return body;
    });
    expect([first.count, first.remaining, first.deliveries.length]).toEqual([120, 120, 100]);
    const { body: second } = await recover(own, endpoint.id, { ...request, cursor: first.nextCursor });
    expect([second.count, second.deliveries.length, second.nextCursor]).toEqual([20, 20, null]);
    expect(new Set([...first.deliveries, ...second.deliveries].map(({ id }) => id)).size).toBe(120);
    const strange = { body: { ...request, cursor: "bm8" } };
    const refused = await own.send("POST", `/v1/endpoints/${endpoint.id}/recover`, strange);
    expect(refused.problem()).toMatchObject({ status: 422, code: "invalid-request" });
  });

  test("refuses what it cannot read, and strangers", async ({ own, receiver, stack }) => {
    const endpoint = await withLetters(own, receiver, 1);
    const post = (client: Client, body: object, id = endpoint.id) =>
      client.send("POST", `/v1/endpoints/${id}/recover`, { body });
    for (const body of [
      {},
      { since: "yesterday" },
      { since: hourAgo(), pace: 0 },
      { since: hourAgo(), all: true },
    ]) {
      expect((await post(own, body)).problem().code).toBe("invalid-request");
    }
    const stranger = await newProject(stack.gateway, `stranger-${crypto.randomUUID()}`);
    expect((await post(stranger, { since: hourAgo() })).status).toBe(404);
    const reader = await newProject(stack.gateway, `reader-${crypto.randomUUID()}`, ["endpoints:read"]);
    expect((await post(reader, { since: hourAgo() })).status).toBe(403);
  });
});
