import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import * as z from "zod";
import { newProject } from "../support/client.ts";
import { verified } from "../support/receiver.ts";
import { request, SECRETS, test } from "../support/services.ts";
import { reached } from "../support/waiting.ts";

const batch = z.object({
  data: z.array(z.object({ status: z.number(), task: z.object({ id: z.string() }).optional() })),
});

const json = (value: unknown) => ({
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});

describe("http.request", () => {
  test("the queue itself calls the service; the result keeps status, headers and body", async ({
    client,
    upstream,
    receiver,
  }) => {
    const answer = {
      status: 201,
      headers: { "content-type": "application/json", "x-cost": "3", "x-internal": "10.0.0.7" },
      body: '{"made":[1,2.5,null]}',
    };
    const place = upstream.open([answer]);
    const inbox = receiver.open();
    const input = { service: "plain", path: `${place.path}?a=1&b=%20`, body: { n: 1 } };
    const id = await request(client, input, { callbackUrl: inbox.url });
    const task = await client.ended(id);
    expect(task).toMatchObject({ status: "succeeded", attempt: 1, maxAttempts: 3 });
    expect(task.result).toMatchObject({ status: 201, body: { made: [1, 2.5, null] } });
    const [call] = place.calls;
    expect(call).toMatchObject({ method: "POST", target: `${place.path}?a=1&b=%20` });
    expect(call?.headers).toMatchObject({
      "content-type": "application/json",
      "idempotency-key": `${id}.1`,
      "user-agent": "Upstash-QStash",
    });
    expect(call?.body.toString()).toBe('{"n":1}');
    expect((await client.timeline(id)).map(({ type, actor }) => `${type} ${actor}`)).toEqual([
      "task.created client",
      "task.started worker",
      "task.succeeded service",
    ]);
    const [callback] = await inbox.wait(1);
    expect(verified(callback, await client.signingSecret())).toMatchObject({
      type: "task.succeeded",
      data: { id, result: { status: 201 } },
    });
    expect(place.calls).toHaveLength(1);
  });

  for (const [what, input, type, body] of [
    ["a text as it is", { body: "grüße\n" }, "text/plain;charset=utf-8", Buffer.from("grüße\n")],
    ["JSON as JSON", { body: [1, { a: null }] }, "application/json", Buffer.from('[1,{"a":null}]')],
    [
      "base64 as its bytes",
      { body: "AP+AQQ==", bodyEncoding: "base64" },
      "application/octet-stream",
      Buffer.from([0, 255, 128, 65]),
    ],
    [
      "under the media type that is given",
      { body: "a,b\n", headers: { "Content-Type": "text/csv" } },
      "text/csv",
      Buffer.from("a,b\n"),
    ],
  ] as const) {
    test(`sends ${what}`, async ({ client, upstream }) => {
      const place = upstream.open();
      await client.ended(await request(client, { service: "plain", path: place.path, ...input }));
      expect(place.calls[0]?.headers["content-type"]).toBe(type);
      expect(place.calls[0]?.body.equals(body)).toBe(true);
    });
  }

  for (const [what, answer, result] of [
    ["text", { headers: { "content-type": "text/plain" }, body: "wie schön" }, { body: "wie schön" }],
    ["nothing", { status: 204 }, { status: 204, body: null }],
    ["no media type", { body: "plain" }, { body: "plain" }],
    ["what only says that it is JSON", { ...json(0), body: "{oops" }, { body: "{oops" }],
    [
      "JSON that is written otherwise",
      { ...json(0), body: '{ "a": 1.0 }' },
      { body: { a: 1 }, bodyText: '{ "a": 1.0 }' },
    ],
    [
      "bytes",
      { headers: { "content-type": "image/png" }, body: new Uint8Array([137, 80, 78, 71]) },
      { body: "iVBORw==", bodyEncoding: "base64" },
    ],
    [
      "text that is not UTF-8",
      { headers: { "content-type": "text/plain" }, body: new Uint8Array([0xe9]) },
      { body: "6Q==", bodyEncoding: "base64" },
    ],
  ] as const) {
    test(`keeps ${what}`, async ({ client, upstream }) => {
      const place = upstream.open([answer]);
      const task = await client.ended(await request(client, { service: "plain", path: place.path }));
      expect(task.result).toMatchObject(result);
    });
  }

  test("a replay is another request to the service", async ({ client, upstream }) => {
    const place = upstream.open([json(1), json(2)]);
    const id = await request(client, { service: "plain", path: place.path });
    await client.ended(id);
    expect((await client.send("POST", `/v1/tasks/${id}/replay`)).status).toBe(202);
    expect(await client.ended(id)).toMatchObject({ run: 2, result: { body: 2 } });
    expect(place.calls.map(({ headers }) => headers["idempotency-key"])).toEqual([`${id}.1`, `${id}.2`]);
  });

  for (const [what, input, pointer] of [
    ["service that is not there", { service: "none" }, "#/input/service"],
    ["method that is not allowed", { service: "small", method: "PUT" }, "#/input/method"],
    ["path that is not allowed", { path: "/v3/x" }, "#/input/path"],
    ["path that climbs", { path: "/v1/../v3" }, "#/input/path"],
    ["header that is never passed on", { headers: { Cookie: "a=b" } }, "#/input/headers/Cookie"],
    ["header that the deployer sets", { headers: { authorization: "x" } }, "#/input/headers/authorization"],
    ["body with GET", { method: "GET", body: 1 }, "#/input/body"],
    ["body that is no base64", { body: "???", bodyEncoding: "base64" }, "#/input/body"],
    ["field that nobody knows", { retry: 1 }, "#/input/retry"],
  ] as const) {
    test(`refuses a ${what}`, async ({ client }) => {
      const body = {
        type: "http.request",
        input: { service: "plain", method: "POST", path: "/v1/x", ...input },
      };
      const problem = (await client.send("POST", "/v1/tasks", { body })).problem();
      expect(problem).toMatchObject({ status: 422, code: "invalid-request", errors: [{ pointer }] });
    });
  }

  test("in a batch, each item by its own service's scope", async ({ upstream, stack }) => {
    const place = upstream.open([json("done")]);
    const scopes = ["tasks:write", "tasks:read", "service:plain"];
    const client = await newProject(stack.gateway, `scoped-${crypto.randomUUID()}`, scopes);
    const tasks = ["plain", "small", "plain"].map((service) => ({
      type: "http.request",
      input: { service, method: "GET", path: place.path },
    }));
    const { data } = batch.parse((await client.send("POST", "/v1/tasks/batch", { body: { tasks } })).json());
    expect(data.map(({ status }) => status)).toEqual([202, 403, 202]);
    for (const { task } of data) {
      if (task) expect(await client.ended(task.id)).toMatchObject({ result: { body: "done" } });
    }
    expect(place.calls).toHaveLength(2);
  });

  test("needs the scope of the service, and no other", async ({ client, upstream, stack }) => {
    const place = upstream.open();
    const body = { type: "http.request", input: { service: "plain", method: "GET", path: place.path } };
    const other = await newProject(stack.gateway, `scoped-${crypto.randomUUID()}`, ["service:plain"]);
    expect((await other.send("POST", "/v1/tasks", { body })).status).toBe(202);
    const writer = await newProject(stack.gateway, `scoped-${crypto.randomUUID()}`, [
      "tasks:write",
      "service:small",
    ]);
    const problem = (await writer.send("POST", "/v1/tasks", { body })).problem();
    expect(problem).toMatchObject({ status: 403, code: "forbidden" });
    expect(problem.detail).toContain("service:plain");
    expect((await client.send("POST", "/v1/tasks", { body })).status).toBe(202);
    await place.wait(2);
  });
});

describe("cancel", () => {
  test("takes a call back that QStash still holds; the service never hears of it", async ({
    client,
    upstream,
  }) => {
    const release = Promise.withResolvers<void>();
    const first = upstream.open(() => release.promise.then(() => json(1)));
    const second = upstream.open();
    const third = upstream.open();
    const running = await request(client, { service: "narrow", path: first.path });
    await first.wait(1);
    const held = await request(client, { service: "narrow", path: second.path });
    const next = await request(client, { service: "narrow", path: third.path });
    await Promise.all([held, next].map((id) => reached(client, id, "running")));
    const reply = await client.send("POST", `/v1/tasks/${held}/cancel`);
    expect(reply.json()).toMatchObject({ status: "canceled" });
    await sleep(1_000);
    expect(third.calls).toEqual([]); // one at a time
    release.resolve();
    expect(await client.ended(running)).toMatchObject({ status: "succeeded" });
    expect(await client.ended(next)).toMatchObject({ status: "succeeded" });
    expect(second.calls).toEqual([]);
  });

  test("of a call under way: what the service answers changes nothing, and is logged", async ({
    client,
    upstream,
    stack,
  }) => {
    const place = upstream.open([{ delayMs: 1_500, ...json("late") }]);
    const id = await request(client, { service: "plain", path: place.path });
    await place.wait(1);
    expect((await client.send("POST", `/v1/tasks/${id}/cancel`)).status).toBe(200);
    const before = await client.task(id);
    await sleep(2_500);
    expect(await client.task(id)).toEqual(before);
    const lines = stack.gateway.running.output().split("\n");
    expect(lines.find((line) => line.includes("outcome-stale") && line.includes(id))).toBeDefined();
  });
});

describe("what the deployer keeps secret", () => {
  test("reaches the service, and nobody else: no task, timeline, callback, log, nor QStash's log", async ({
    client,
    upstream,
    receiver,
    stack,
  }) => {
    const inbox = receiver.open();
    const place = upstream.open([{ status: 500 }, json("ok")]);
    const id = await request(
      client,
      { service: "plain", path: place.path },
      { callbackUrl: inbox.url, retries: 1 },
    );
    await client.ended(id);
    expect(place.calls[0]?.headers).toMatchObject({
      authorization: `Bearer ${SECRETS.UPSTREAM_TOKEN}`,
      cookie: `session=${SECRETS.UPSTREAM_COOKIE}`,
    });
    const [callback] = await inbox.wait(1);
    const { url, token } = stack.backing.qstash;
    const logged = await fetch(`${url}/v2/logs?count=1000`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const seen = [
      await client.send("GET", `/v1/tasks/${id}?include=input`),
      await client.send("GET", `/v1/tasks/${id}/events`),
      await client.send("GET", `/v1/deliveries?taskId=${id}`),
    ].map(({ text }) => text);
    const texts = [...seen, callback?.body ?? "", stack.gateway.running.output(), await logged.text()];
    expect(texts.join("\n")).toContain(place.path);
    for (const secret of Object.values(SECRETS)) expect(texts.join("\n")).not.toContain(secret);
    expect(place.calls[0]?.headers).not.toHaveProperty("ringback-task-token");
  });
});
