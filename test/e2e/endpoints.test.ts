import { describe, expect } from "vitest";
import { newProject } from "../support/client.ts";
import { endpoint, patch, register, test } from "../support/endpoints.ts";

describe("registering", () => {
  test("an endpoint is made with a secret, read without it, changed, listed and forgotten", async ({
    own,
    receiver,
  }) => {
    const { url } = receiver.open();
    const reply = await own.send("POST", "/v1/endpoints", {
      body: {
        url,
        events: ["task.succeeded", "task.progress"],
        description: "orders",
        headers: { "X-Shop": "4711", Authorization: "Bearer s3cret", "x-api-key": "k" },
        metadata: { team: "a" },
        retrySchedule: ["5s", "2m"],
        rateLimit: 10,
        format: "thin",
      },
    });
    expect(reply.status).toBe(201);
    const made = endpoint.parse(reply.json());
    const { secret, ...shown } = made;
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(reply.headers.get("location")).toBe(`${own.url}/v1/endpoints/${made.id}`);
    expect(shown).toMatchObject({
      url,
      events: ["task.succeeded", "task.progress"],
      description: "orders",
      headers: { "x-shop": "4711", authorization: "***", "x-api-key": "***" },
      metadata: { team: "a" },
      retrySchedule: ["5s", "2m"],
      rateLimit: 10,
      format: "thin",
      signatures: ["v1"],
      verified: false,
      disabled: false,
    });
    expect((await own.send("GET", `/v1/endpoints/${made.id}`)).json()).toEqual({
      ...shown,
      health: { state: "unverified", failures: 0, circuit: "closed" },
    });
    const changed = await patch(own, made.id, {
      description: null,
      headers: { "x-shop": null, "X-New": "1" },
      metadata: { region: "eu" },
      retrySchedule: "1s,1s",
      rateLimit: null,
    });
    expect(changed).toMatchObject({
      headers: { authorization: "***", "x-api-key": "***", "x-new": "1" },
      metadata: { team: "a", region: "eu" },
      retrySchedule: ["1s", "1s"],
      events: ["task.succeeded", "task.progress"],
    });
    expect(changed).not.toHaveProperty("description");
    expect(changed).not.toHaveProperty("rateLimit");
    expect(changed.headers).not.toHaveProperty("x-shop");
    expect((await own.send("DELETE", `/v1/endpoints/${made.id}`)).status).toBe(204);
    expect((await own.send("GET", `/v1/endpoints/${made.id}`)).problem().code).toBe("not-found");
    expect((await own.send("DELETE", `/v1/endpoints/${made.id}`)).status).toBe(404);
  });

  test("a project has at most 20, in pages, newest first; the 21st is refused", async ({ own, receiver }) => {
    const { url } = receiver.open();
    const made: string[] = [];
    for (let i = 0; i < 20; i++) made.push((await register(own, { url })).id);
    const more = await own.send("POST", "/v1/endpoints", { body: { url } });
    expect(more.problem()).toMatchObject({ status: 409, code: "endpoint-limit-reached" });
    const seen: string[] = [];
    let path: string | undefined = "/v1/endpoints?limit=8";
    while (path) {
      const reply = await own.send("GET", path);
      const { data, nextCursor } = reply.json() as { data: { id: string }[]; nextCursor: string | null };
      seen.push(...data.map(({ id }) => id));
      expect(reply.headers.has("link")).toBe(nextCursor !== null);
      path = nextCursor ? `/v1/endpoints?limit=8&cursor=${nextCursor}` : undefined;
    }
    expect(seen).toHaveLength(20);
    expect(new Set(seen)).toEqual(new Set(made));
    expect(seen[0]).toBe(made[19]);
    const nonsense = await own.send("GET", "/v1/endpoints?cursor=nonsense");
    expect(nonsense.problem()).toMatchObject({ status: 400, code: "malformed-parameter" });
  });

  test("one Idempotency-Key makes one endpoint", async ({ own, receiver }) => {
    const body = { url: receiver.open().url };
    const headers = { "idempotency-key": "e-1" };
    const [first, second] = [
      await own.send("POST", "/v1/endpoints", { body, headers }),
      await own.send("POST", "/v1/endpoints", { body, headers }),
    ];
    expect(second.status).toBe(201);
    expect(second.json()).toEqual(first.json());
    expect(first.headers.get("idempotent-replayed")).toBeNull();
    expect(second.headers.get("idempotent-replayed")).toBe("true");
    const other = await own.send("POST", "/v1/endpoints", { body: { ...body, description: "x" }, headers });
    expect(other.problem()).toMatchObject({ status: 422, code: "idempotency-key-reused" });
    const { data } = (await own.send("GET", "/v1/endpoints")).json() as { data: unknown[] };
    expect(data).toHaveLength(1);
  });

  const unfit: readonly [string, Readonly<Record<string, unknown>>, string][] = [
    ["an unknown event", { events: ["task.exploded"] }, "#/events/0"],
    ["a pattern that fits nothing", { events: ["tasks.*"] }, "#/events/0"],
    ["no event", { events: [] }, "#/events"],
    ["a header of ours", { headers: { "webhook-id": "x" } }, "#/headers/webhook-id"],
    [
      "a header of ours by its older name",
      { headers: { "Svix-Signature": "x" } },
      "#/headers/Svix-Signature",
    ],
    ["a header of the queue", { headers: { "Upstash-Forward-X": "x" } }, "#/headers/Upstash-Forward-X"],
    ["the host", { headers: { Host: "x" } }, "#/headers/Host"],
    ["a content header", { headers: { "content-type": "x" } }, "#/headers/content-type"],
    ["a hop-by-hop header", { headers: { "transfer-encoding": "x" } }, "#/headers/transfer-encoding"],
    ["a header with a line feed", { headers: { "x-a": "a\nb" } }, "#/headers/x-a"],
    ["too long a schedule", { retrySchedule: ["7d", "7d", "7d", "7d", "7d"] }, "#/retrySchedule"],
    ["no schedule", { retrySchedule: "soon" }, "#/retrySchedule"],
    ["a rate of nothing", { rateLimit: 0 }, "#/rateLimit"],
    ["an unknown field", { colour: "red" }, "#/colour"],
  ];
  for (const [what, fields, pointer] of unfit) {
    test(`${what} is refused`, async ({ client, receiver }) => {
      const body = { url: receiver.open().url, ...fields };
      const problem = (await client.send("POST", "/v1/endpoints", { body })).problem();
      expect(problem).toMatchObject({ status: 422, code: "invalid-request" });
      expect(problem.errors?.map((fault) => fault.pointer)).toContain(pointer);
    });
  }

  test("an address that may not be called is refused", async ({ client, stack }) => {
    for (const url of ["http://169.254.169.254/", "ftp://a.example/", "not a url", stack.gateway.url]) {
      const reply = await client.send("POST", "/v1/endpoints", { body: { url } });
      expect(reply.problem()).toMatchObject({
        status: 422,
        code: "unsafe-callback-url",
        errors: [{ pointer: "#/url" }],
      });
    }
  });

  test("asks for its scopes, and belongs to its project alone", async ({ stack, client, receiver }) => {
    const name = `endpoints-${crypto.randomUUID()}`;
    const [reader, writer] = [
      await newProject(stack.gateway, name, ["endpoints:read"]),
      await newProject(stack.gateway, name, ["endpoints:write"]),
    ];
    const body = { url: receiver.open().url };
    expect((await reader.send("POST", "/v1/endpoints", { body })).problem().code).toBe("forbidden");
    const { id } = await register(writer, body);
    expect((await reader.send("GET", `/v1/endpoints/${id}`)).status).toBe(200);
    expect((await writer.send("GET", `/v1/endpoints/${id}`)).status).toBe(403);
    for (const key of [reader, writer]) {
      expect((await key.send("GET", `/v1/endpoints/${id}/secret`)).problem().code).toBe("forbidden");
      expect((await key.send("POST", `/v1/endpoints/${id}/rotate-secret`)).problem().code).toBe("forbidden");
    }
    for (const [method, path] of [
      ["GET", ""],
      ["DELETE", ""],
      ["GET", "/secret"],
      ["POST", "/verify"],
      ["POST", "/test"],
      ["POST", "/rotate-secret"],
    ] as const) {
      expect((await client.send(method, `/v1/endpoints/${id}${path}`)).status, path).toBe(404);
    }
    expect((await client.send("PATCH", `/v1/endpoints/${id}`, { body: {} })).status).toBe(404);
  });
});
