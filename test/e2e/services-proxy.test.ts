import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect } from "vitest";
import { verified } from "../support/receiver.ts";
import { acceptedAs, proxied, raw, request, test } from "../support/services.ts";

describe("ANY /v1/proxy/{service}/{path…}", () => {
  test("is answered as POST /v1/tasks is, and the service's answer is given back as it was", async ({
    client,
    upstream,
  }) => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const place = upstream.open([
      { status: 203, headers: { "content-type": "image/x-any", "x-cost": "7", etag: '"e1"' }, body: bytes },
    ]);
    const reply = await proxied(client, "POST", `plain${place.path}?q=%20&r`, {
      body: bytes,
      headers: { "content-type": "application/x-any" },
    });
    const id = acceptedAs(reply);
    const self = `${client.url}/v1/tasks/${id}`;
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      location: `${self}/result?raw`,
      "operation-location": `${self}/operation`,
      "content-location": self,
      "preference-applied": "respond-async",
      "retry-after": expect.any(String),
      ratelimit: expect.stringContaining('"default"'),
      vary: "Prefer",
    });
    expect(reply.json()).toMatchObject({ type: "http.request", maxAttempts: 3 });
    await client.ended(id);
    const [call] = place.calls;
    expect(call).toMatchObject({ method: "POST", target: `${place.path}?q=%20&r` });
    expect(call?.headers["content-type"]).toBe("application/x-any");
    expect(call?.body.equals(bytes)).toBe(true);
    const back = await raw(client, id);
    expect(back.response.status).toBe(203);
    expect(back.bytes.equals(bytes)).toBe(true);
    expect(Object.fromEntries(back.response.headers)).toMatchObject({
      "content-type": "image/x-any",
      "x-cost": "7",
      etag: '"e1"',
      "ringback-service-status": "203",
      "cache-control": "private, no-cache",
      "x-content-type-options": "nosniff",
    });
  });

  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
    test(`${method} is ${method} at the service`, async ({ client, upstream }) => {
      const place = upstream.open([{ status: method === "DELETE" ? 204 : 200 }]);
      const body = method === "GET" ? {} : { body: "{}" };
      const id = acceptedAs(await proxied(client, method, `plain${place.path}`, body));
      await client.ended(id);
      expect(place.calls).toMatchObject([{ method, body: Buffer.from(body.body ?? "") }]);
      const back = await raw(client, id);
      expect([back.response.status, back.bytes.length]).toEqual([method === "DELETE" ? 204 : 200, 0]);
    });
  }

  for (const status of [205, 207, 299]) {
    test(`a ${status} without a body comes back as it is`, async ({ client, upstream }) => {
      const place = upstream.open([{ status }]);
      const id = acceptedAs(await proxied(client, "POST", `plain${place.path}`));
      await client.ended(id);
      const { response, bytes } = await raw(client, id);
      expect([response.status, bytes.length]).toEqual([status, 0]);
    });
  }

  for (const [what, type, body] of [
    ["an integer beyond 2^53", "application/json", Buffer.from('{"id":9007199254740993}')],
    ["JSON of 7,000 levels", "application/json", Buffer.from("[".repeat(7_000) + "]".repeat(7_000))],
    ["text", "text/plain", Buffer.from("grüße\r\n")],
    ["a byte order mark", "text/plain", Buffer.from([0xef, 0xbb, 0xbf, 0x61])],
    ["JSON in another spelling", "application/json", Buffer.from('{ "a" : 1.0, "a": 2 }')],
    ["a JSON string", "application/json", Buffer.from('"plain"')],
    ["JSON null", "application/json", Buffer.from("null")],
    ["what is no UTF-8", "text/plain", Buffer.from([0x61, 0xe9, 0x00, 0xff])],
    ["nulls", "text/plain", Buffer.from("a\u0000b")],
  ] as const) {
    test(`${what} comes and goes byte for byte`, async ({ client, upstream }) => {
      const place = upstream.open([{ headers: { "content-type": type }, body }]);
      const options = { body, headers: { "content-type": type } };
      const id = acceptedAs(await proxied(client, "PUT", `plain${place.path}`, options));
      await client.ended(id);
      expect(place.calls[0]?.body.equals(body)).toBe(true);
      const { response, bytes } = await raw(client, id);
      expect([response.headers.get("content-type"), bytes.equals(body)]).toEqual([type, true]);
    });
  }

  test("coded bytes stay as they are, both ways", async ({ client, upstream }) => {
    const body = gzipSync("a".repeat(1_000));
    const headers = { "content-type": "text/plain", "content-encoding": "gzip" };
    const place = upstream.open([{ headers, body }]);
    const id = acceptedAs(await proxied(client, "POST", `plain${place.path}`, { body, headers }));
    await client.ended(id);
    expect(place.calls[0]?.headers["content-encoding"]).toBe("gzip");
    expect(place.calls[0]?.body.equals(body)).toBe(true);
    const { response, bytes } = await raw(client, id);
    expect(response.headers.get("content-encoding")).toBe("gzip");
    expect(bytes.toString()).toBe("a".repeat(1_000)); // fetch has decoded it, once
  });

  test("a path that ends with a slash is another path", async ({ client, upstream }) => {
    const place = upstream.open([], "/");
    await client.ended(acceptedAs(await proxied(client, "GET", `plain${place.path}`)));
    expect(place.calls).toMatchObject([{ target: place.path }]);
  });

  test("Callback-Url, Ringback-Delay and Ringback-Deadline are ours, and go no further", async ({
    client,
    upstream,
    receiver,
  }) => {
    const inbox = receiver.open();
    const place = upstream.open();
    const reply = await proxied(client, "POST", `plain${place.path}`, {
      headers: { "callback-url": inbox.url, "ringback-delay": "1s", "ringback-deadline": "1h" },
    });
    const accepted = await client.task(acceptedAs(reply));
    const begins = Date.parse(accepted.notBefore ?? "");
    expect(begins - Date.parse(accepted.createdAt)).toBe(1_000);
    expect(Date.parse(accepted.deadlineAt) - begins).toBe(3_600_000);
    const [callback] = await inbox.wait(1, 20_000);
    expect(verified(callback, await client.signingSecret()).data).toMatchObject({ id: accepted.id });
    expect(place.calls[0]?.at).toBeGreaterThanOrEqual(begins);
    expect(Object.keys(place.calls[0]?.headers ?? {}).join()).not.toMatch(/callback|ringback|prefer/);
  });

  test("with wait=N too, it is answered as soon as the task has ended", async ({ client, upstream }) => {
    const place = upstream.open([{ body: "quick" }]);
    const reply = await proxied(client, "GET", `plain${place.path}`, {
      headers: { prefer: "respond-async, wait=20" },
    });
    expect([reply.status, reply.headers.get("preference-applied")]).toEqual([200, "wait=20"]);
    expect(reply.json()).toMatchObject({ status: "succeeded", result: { body: "quick" } });
  });

  test("Idempotency-Key: the same request is one task, another one is refused, another path is its own", async ({
    client,
    upstream,
  }) => {
    const place = upstream.open();
    const other = upstream.open();
    const headers = { "idempotency-key": crypto.randomUUID() };
    const send = (path: string, body: string, method = "POST") =>
      proxied(client, method, `plain${path}`, { body, headers });
    const id = acceptedAs(await send(place.path, "one"));
    const again = await send(place.path, "one");
    expect([acceptedAs(again), again.headers.get("idempotent-replayed")]).toEqual([id, "true"]);
    for (const reply of [await send(place.path, "two"), await send(`${place.path}?a=1`, "one")]) {
      expect(reply.problem()).toMatchObject({ status: 422, code: "idempotency-key-reused" });
    }
    expect(acceptedAs(await send(other.path, "one"))).not.toBe(id);
    expect(acceptedAs(await send(place.path, "one", "PUT"))).not.toBe(id);
    const bad = await proxied(client, "POST", `plain${place.path}`, {
      headers: { "idempotency-key": "a b" },
    });
    expect(bad.problem().code).toBe("malformed-idempotency-key");
    await other.wait(1);
    await place.wait(2);
    expect(place.calls).toHaveLength(2);
  });
});

describe("GET /v1/tasks/{id}/result?raw", () => {
  test("of another type's task is its bare result; another value is refused", async ({ client }) => {
    const { id } = await client.submit({
      type: "diagnostics.echo",
      input: { status: 200, headers: {}, body: 1 },
    });
    await client.ended(id);
    const { response, bytes } = await raw(client, id);
    expect(response.headers.has("ringback-service-status")).toBe(false);
    expect(JSON.parse(bytes.toString())).toEqual({ status: 200, headers: {}, body: 1 });
    const wrong = await client.send("GET", `/v1/tasks/${id}/result?raw=1`);
    expect(wrong.problem().code).toBe("malformed-parameter");
  });

  test("answers 304 to the service's own ETag, and HEAD without the body", async ({ client, upstream }) => {
    const place = upstream.open([{ headers: { "content-type": "text/plain", etag: '"v1"' }, body: "text" }]);
    const id = acceptedAs(await proxied(client, "GET", `plain${place.path}`));
    await client.ended(id);
    const ask = (method: string, headers: Readonly<Record<string, string>> = {}) =>
      fetch(`${client.url}/v1/tasks/${id}/result?raw=true`, {
        method,
        headers: { authorization: client.authorization, ...headers },
      });
    expect((await ask("GET", { "if-none-match": '"v1"' })).status).toBe(304);
    expect((await ask("GET", { "if-none-match": '"v2"' })).status).toBe(200);
    const head = await ask("HEAD");
    expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([
      200,
      "text/plain",
      "",
    ]);
  });

  test("of a result that is no longer kept is 410", async ({ client, upstream }) => {
    const place = upstream.open([{ body: "text" }]);
    const id = await request(client, { service: "plain", path: place.path }, { resultTtl: "1s" });
    await client.ended(id);
    await sleep(1_100);
    expect((await raw(client, id)).response.status).toBe(410);
  });

  test("is 202 while the task is under way", async ({ client, upstream }) => {
    const release = Promise.withResolvers<void>();
    const place = upstream.open(() => release.promise.then(() => ({ body: "now" })));
    const id = acceptedAs(await proxied(client, "GET", `plain${place.path}`));
    expect((await raw(client, id)).response.status).toBe(202);
    release.resolve();
    await client.ended(id);
    expect((await raw(client, id)).bytes.toString()).toBe("now");
  });
});
