import { describe, expect, inject } from "vitest";
import { type Client, newProject } from "../support/client.ts";
import { task as taskShape } from "../support/contract.ts";
import { startFaulty } from "../support/faulty-gateway.ts";
import { test } from "../support/fixture.ts";
import { announce } from "../support/raw.ts";

// Every row of the contract's tables, by its own words. What lies behind a row has files of its own.

const ECHO = { type: "diagnostics.echo", input: { n: 1 } };
const LATER = { ...ECHO, delay: "10m" };
const FAILING = { type: "diagnostics.flaky", input: { failures: 9 }, retries: 0 };

const post = (client: Client, body: unknown, headers: Record<string, string> = {}) =>
  client.send("POST", "/v1/tasks", { body, headers });
const get = (client: Client, path: string, headers: Record<string, string> = {}) =>
  client.send("GET", `/v1/tasks/${path}`, { headers });

describe("POST /v1/tasks", () => {
  test("accepted", async ({ client }) => {
    const reply = await post(client, LATER, { prefer: "respond-async" });
    expect(reply.status).toBe(202);
    const { id, status } = taskShape.parse(reply.json());
    expect(status).toBe("scheduled");
    const self = `${client.url}/v1/tasks/${id}`;
    expect(reply.headers.get("location")).toBe(self);
    expect(reply.headers.get("operation-location")).toBe(`${self}/operation`);
    expect(reply.headers.get("content-location")).toBe(self);
    expect(reply.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    expect(reply.headers.get("preference-applied")).toBe("respond-async");
  });

  test("`Prefer: wait=N` and it ended in time, well or badly", async ({ client }) => {
    const well = await post(client, ECHO, { prefer: "wait=20" });
    expect(well.status).toBe(200);
    expect(well.json()).toMatchObject({ status: "succeeded", done: true, result: ECHO.input });
    expect(well.headers.get("preference-applied")).toBe("wait=20");
    const badly = await post(client, FAILING, { prefer: "wait=100" });
    expect(badly.status).toBe(200);
    expect(badly.json()).toMatchObject({ status: "failed", done: true, error: { code: "flaky" } });
    expect(badly.headers.get("preference-applied")).toBe("wait=25");
  });

  test("same `Idempotency-Key`, same body", async ({ client }) => {
    const key = crypto.randomUUID();
    const { id } = taskShape.parse((await post(client, ECHO, { "idempotency-key": key })).json());
    await client.ended(id);
    const again = await post(client, ECHO, { "idempotency-key": `"${key}"` });
    expect(again.status).toBe(202);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(again.json()).toMatchObject({ id, status: "succeeded" });
    const waited = await post(client, ECHO, { "idempotency-key": key, prefer: "wait=10" });
    expect(waited.status).toBe(200);
    expect(waited.json()).toMatchObject({ id, result: ECHO.input });
  });

  test("same key, other body", async ({ client }) => {
    const key = { "idempotency-key": crypto.randomUUID() };
    await post(client, ECHO, key);
    const other = (await post(client, { ...ECHO, input: 2 }, key)).problem();
    expect(other).toMatchObject({ status: 422, code: "idempotency-key-reused" });
  });

  test("malformed JSON / fails the schema / unknown type / unsafe callback URL / bad key header", async ({
    client,
  }) => {
    const callbackUrl = "https://user:secret@client.example/hooks";
    for (const [body, status, code, headers] of [
      ["{", 400, "malformed-json", {}],
      [{ ...ECHO, surprise: 1 }, 422, "invalid-request", {}],
      [{ ...ECHO, type: "no.such" }, 422, "unknown-task-type", {}],
      [{ ...ECHO, callbackUrl }, 422, "unsafe-callback-url", {}],
      [ECHO, 400, "malformed-idempotency-key", { "idempotency-key": "x".repeat(256) }],
    ] as const) {
      expect((await post(client, body, headers)).problem()).toMatchObject({ status, code });
    }
  });

  test("no or bad key / scope missing", async ({ client, stack }) => {
    const bad = await client.send("POST", "/v1/tasks", {
      body: ECHO,
      headers: { authorization: "Bearer rb_x" },
    });
    expect(bad.problem()).toMatchObject({ status: 401, code: "unauthenticated" });
    expect(bad.headers.get("www-authenticate")).toMatch(/^Bearer/);
    const reader = await newProject(stack.gateway, `reader-${crypto.randomUUID()}`, ["tasks:read"]);
    expect((await post(reader, ECHO)).problem()).toMatchObject({ status: 403, code: "forbidden" });
  });

  test("over 1 MiB", async ({ client }) => {
    const { status, text } = await announce(client, "/v1/tasks", 1_048_577);
    expect([status, text]).toEqual([413, expect.stringContaining('"payload-too-large"')]);
  });

  test("not JSON", async ({ client }) => {
    const problem = (
      await post(client, "type=x", { "content-type": "application/x-www-form-urlencoded" })
    ).problem();
    expect(problem).toMatchObject({ status: 415, code: "unsupported-media-type" });
  });

  test("over the project's rate / its quota of open tasks", async ({ stack }) => {
    for (const [limits, code] of [
      [{ rateLimit: 1 }, "rate-limited"],
      [{ maxOpen: 1 }, "quota-exceeded"],
    ] as const) {
      const name = `limits-${crypto.randomUUID()}`;
      const own = await newProject(stack.gateway, name);
      const admin = { authorization: `Bearer ${stack.gateway.adminToken}` };
      const made = await own.send("POST", "/admin/projects", { headers: admin, body: { name } });
      const { id } = JSON.parse(made.text) as { id: string };
      const set = await own.send("PATCH", `/admin/projects/${id}`, { headers: admin, body: limits });
      expect(set.status).toBe(200);
      const replies = await Promise.all(Array.from({ length: 5 }, () => post(own, LATER)));
      const refused = replies.find(({ status }) => status === 429);
      expect(refused?.problem().code).toBe(code);
      expect(refused?.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
      expect(refused?.headers.get("ratelimit")).toMatch(/^"default";r=\d+;t=\d+/);
      expect(refused?.headers.get("ratelimit-policy")).toMatch(/^"default";q=\d+/);
    }
  });

  test("Redis does not answer", async ({ onTestFinished }) => {
    const { runtime, backing } = inject("stack");
    const faulty = await startFaulty(runtime, backing);
    onTestFinished(() => faulty.stop());
    const key = { "idempotency-key": crypto.randomUUID() };
    // It does its work, and its answers are lost.
    faulty.redis.faults = { answer: () => "cut" };
    const unknown = await post(faulty.client, LATER, key);
    expect(unknown.problem()).toMatchObject({ status: 503, code: "temporarily-unavailable" });
    expect(unknown.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    faulty.redis.faults = {};
    const known = await post(faulty.client, LATER, key);
    expect(known.status).toBe(202);
    const listed = await faulty.client.send("GET", "/v1/tasks");
    expect(listed.json()).toMatchObject({ data: [{ id: taskShape.parse(known.json()).id }] });
  });
});

describe("the calls about a task", () => {
  test("GET /v1/tasks/{id}", async ({ client }) => {
    const { id } = await client.submit(LATER);
    const pending = await get(client, id);
    expect(pending.status).toBe(200);
    expect(pending.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    const etag = pending.headers.get("etag") ?? "none";
    expect((await get(client, id, { "if-none-match": etag })).status).toBe(304);
    expect((await get(client, id, { "if-none-match": etag, prefer: "wait=1" })).status).toBe(304);
    const waiting = get(client, id, { prefer: "wait=20" });
    await client.send("POST", `/v1/tasks/${id}/cancel`);
    expect((await waiting).json()).toMatchObject({ id, status: "canceled" });
  });

  test("GET /v1/tasks/{id}/result", async ({ client }) => {
    const [good, none, bad, pending] = await Promise.all([
      client.submit(ECHO),
      client.submit({ type: "diagnostics.echo", input: null }),
      client.submit(FAILING),
      client.submit(LATER),
    ]);
    await Promise.all([good, none, bad].map(({ id }) => client.ended(id)));
    const bare = await get(client, `${good.id}/result`);
    expect([bare.status, bare.json()]).toEqual([200, ECHO.input]);
    expect((await get(client, `${none.id}/result`)).status).toBe(200); // null is a result
    expect((await get(client, `${bad.id}/result`)).problem()).toMatchObject({
      status: 409,
      code: "task-not-succeeded",
    });
    const asked = await get(client, `${pending.id}/result`);
    expect(asked.status).toBe(202);
    expect(asked.headers.get("location")).toBe(`${client.url}/v1/tasks/${pending.id}/result`);
    expect(asked.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    const brief = await client.submit({ ...ECHO, resultTtl: "1s" });
    await client.ended(brief.id);
    await expect
      .poll(async () => (await get(client, `${brief.id}/result`)).status, { timeout: 5_000 })
      .toBe(410);
    expect((await get(client, `${brief.id}/result`)).problem().code).toBe("result-expired");
  });

  test("GET /v1/tasks?status=&type=&metadata[k]=&createdAfter=&limit=&cursor=", async ({ stack }) => {
    const name = `lists-${crypto.randomUUID()}`;
    const own = await newProject(stack.gateway, name);
    const admin = { authorization: `Bearer ${stack.gateway.adminToken}` };
    const made = await own.send("POST", "/admin/projects", { headers: admin, body: { name } });
    const { id: project } = JSON.parse(made.text) as { id: string };
    await own.send("PATCH", `/admin/projects/${project}`, {
      headers: admin,
      body: { searchable: ["order"] },
    });
    const ids: string[] = [];
    for (const order of ["a", "b", "a"]) ids.push((await own.submit({ ...LATER, metadata: { order } })).id);
    const other = await own.submit(FAILING);
    await own.ended(other.id);
    const list = async (query: string) => {
      const reply = await own.send("GET", `/v1/tasks?${query}`);
      const { data, nextCursor } = JSON.parse(reply.text) as {
        data: { id: string }[];
        nextCursor: string | null;
      };
      return { ids: data.map(({ id }) => id), nextCursor, link: reply.headers.get("link") };
    };
    const [a1 = "", b = "", a2 = ""] = ids;
    expect((await list("status=scheduled")).ids).toEqual([a2, b, a1]);
    expect((await list("status=failed&type=diagnostics.flaky")).ids).toEqual([other.id]);
    expect((await list("metadata[order]=a")).ids).toEqual([a2, a1]);
    const { createdAt } = await own.task(b);
    expect((await list(`createdAfter=${createdAt}&type=diagnostics.echo`)).ids).toEqual([a2]);
    const first = await list("limit=2");
    expect(first.ids).toEqual([other.id, a2]);
    expect(first.link).toContain('rel="next"');
    expect((await list(`limit=2&cursor=${first.nextCursor}`)).ids).toEqual([b, a1]);
  });

  test("POST /v1/tasks/batch", async ({ client }) => {
    const batch = (tasks: readonly unknown[]) => client.send("POST", "/v1/tasks/batch", { body: { tasks } });
    const idempotencyKey = crypto.randomUUID();
    const reply = await batch([ECHO, { type: "no.such", input: 1 }, { ...ECHO, idempotencyKey }]);
    expect(reply.status).toBe(202);
    expect(reply.json()).toMatchObject({
      data: [
        { status: 202, task: { type: "diagnostics.echo" } },
        { status: 422, problem: { code: "unknown-task-type" } },
        { status: 202, task: { type: "diagnostics.echo" } },
      ],
    });
    expect((await batch([{ type: "no.such", input: 1 }])).status).toBe(422);
    expect((await batch([])).problem().code).toBe("invalid-request");
  });

  test("POST /v1/tasks/{id}/cancel", async ({ client }) => {
    const { id } = await client.submit(LATER);
    const cancel = (of: string) => client.send("POST", `/v1/tasks/${of}/cancel`);
    for (const reply of [await cancel(id), await cancel(id)]) {
      expect(reply.status).toBe(200);
      expect(reply.json()).toMatchObject({ id, status: "canceled", done: true });
    }
    const done = await client.submit(ECHO);
    await client.ended(done.id);
    const problem = (await cancel(done.id)).problem();
    expect(problem).toMatchObject({ status: 409, code: "task-already-ended" });
    expect(problem.detail).toContain("succeeded");
  });

  test("POST /v1/tasks/{id}/replay", async ({ client }) => {
    const { id } = await client.submit(ECHO);
    await client.ended(id);
    const replayed = await client.send("POST", `/v1/tasks/${id}/replay`);
    expect(replayed.status).toBe(202);
    expect(replayed.json()).toMatchObject({ id, run: 2, done: false });
    expect(await client.ended(id)).toMatchObject({ run: 2, status: "succeeded" });
    const pending = await client.submit(LATER);
    const refused = (await client.send("POST", `/v1/tasks/${pending.id}/replay`)).problem();
    expect(refused).toMatchObject({ status: 409, code: "task-not-ended" });
  });

  test("DELETE /v1/tasks/{id}", async ({ client }) => {
    const { id } = await client.submit(LATER);
    expect((await client.send("DELETE", `/v1/tasks/${id}`)).status).toBe(409);
    await client.send("POST", `/v1/tasks/${id}/cancel`);
    expect((await client.send("DELETE", `/v1/tasks/${id}`)).status).toBe(204);
    expect((await get(client, id)).status).toBe(404);
  });

  test("GET /v1/tasks/{id}/events", async ({ client }) => {
    const { id } = await client.submit(ECHO);
    await client.ended(id);
    const items = await client.timeline(id);
    expect(items.map(({ type }) => type)).toEqual(["task.created", "task.started", "task.succeeded"]);
    const stream = await get(client, `${id}/events`, { accept: "text/event-stream", "last-event-id": "1" });
    expect(stream.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect([...stream.text.matchAll(/^id: ?(\d+)$/gm)].map(([, one]) => one)).toEqual(["2", "3"]);
    const token = await client.send("POST", `/v1/tasks/${id}/events-token`);
    const { url } = JSON.parse(token.text) as { url: string };
    const browser = await fetch(url, { headers: { accept: "text/event-stream" } });
    expect(await browser.text()).toContain("task.succeeded");
  });
});
