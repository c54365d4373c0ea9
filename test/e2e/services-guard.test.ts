import { request as httpRequest } from "node:http";
import { describe, expect } from "vitest";
import { newProject } from "../support/client.ts";
import { announce } from "../support/raw.ts";
import { acceptedAs, proxied, raw, test } from "../support/services.ts";

describe("headers of a proxied request and of its answer", () => {
  test("those on the list and those asked for go on; ours, cookies and the connection's never do", async ({
    client,
    upstream,
  }) => {
    const place = upstream.open();
    const reply = await proxied(client, "POST", `plain${place.path}`, {
      body: "x",
      headers: {
        accept: "text/csv",
        "accept-language": "de",
        "if-none-match": '"a"',
        range: "bytes=0-1",
        "x-tenant": "t-1",
        "x-unknown": "left behind",
        "ringback-forward-x-other": "asked for",
        "idempotency-key": "mine",
        "fastly-client-ip": "10.0.0.1",
        "x-cluster-client-ip": "10.0.0.1",
        "x-host": "internal",
        cookie: "session=client",
        forwarded: "for=10.0.0.1",
        "x-forwarded-for": "10.0.0.1",
        "x-http-method-override": "DELETE",
        "upstash-retries": "50",
        "upstash-callback": "https://attacker.example",
        "upstash-forward-x": "1",
        "webhook-id": "evt",
        "proxy-authorization": "Basic x",
      },
    });
    await client.ended(acceptedAs(reply));
    const headers = place.calls[0]?.headers ?? {};
    expect(headers).toMatchObject({
      accept: "text/csv",
      "accept-language": "de",
      "if-none-match": '"a"',
      range: "bytes=0-1",
      "x-tenant": "t-1",
      "x-other": "asked for",
      "idempotency-key": expect.stringMatching(/^task_\w+\.1$/),
      "accept-encoding": "identity",
    });
    for (const name of [
      "x-unknown",
      "fastly-client-ip",
      "x-cluster-client-ip",
      "x-host",
      "forwarded",
      "x-forwarded-for",
      "x-http-method-override",
      "upstash-retries",
      "upstash-callback",
      "x",
      "webhook-id",
      "proxy-authorization",
    ]) {
      expect(headers, name).not.toHaveProperty(name);
    }
    const sent = JSON.stringify(headers);
    expect(sent).not.toContain(client.authorization.slice("Bearer ".length));
    expect(sent).not.toContain("session=client");
  });

  for (const name of [
    "Authorization",
    "Cookie",
    "Host",
    "Upstash-Retries",
    "Connection",
    "Ringback-Task-Token",
    "Idempotency-Key",
    "Fastly-Client-IP",
    "Fly-Client-IP",
    "X-Cluster-Client-IP",
    "X_Forwarded_For",
    "X-Host",
    "Svix-Id",
  ]) {
    test(`Ringback-Forward-${name} is refused`, async ({ client, upstream }) => {
      const { path } = upstream.open();
      const headers = { [`ringback-forward-${name}`]: "x" };
      const problem = (await proxied(client, "GET", `plain${path}`, { headers })).problem();
      expect(problem).toMatchObject({ status: 422, code: "invalid-request" });
      expect(problem.errors).toEqual([
        { pointer: `#/input/headers/${name.toLowerCase()}`, detail: expect.any(String) },
      ]);
    });
  }

  test("of an answer: cookies, credentials and the connection's stay behind, in the task and in ?raw", async ({
    client,
    upstream,
  }) => {
    const hidden = {
      "set-cookie": ["a=1", "b=2"],
      "www-authenticate": "Basic",
      "proxy-authenticate": "Basic",
      "keep-alive": "timeout=5",
      "upstash-message-id": "msg",
      "x-powered-by": "10.0.0.7",
      server: "internal/1.0",
      "access-control-allow-origin": "*",
    };
    const shown = {
      "content-type": "text/plain",
      link: "<a>; rel=next",
      "x-cost": "1",
      "last-modified": "x",
    };
    const policy = { "cache-control": "public", "content-security-policy": "script-src *" };
    const place = upstream.open([{ headers: { ...hidden, ...shown, ...policy }, body: "x" }]);
    const id = acceptedAs(await proxied(client, "GET", `plain${place.path}`));
    const task = await client.ended(id);
    expect(task.result).toMatchObject({ headers: { ...shown, "cache-control": "public" } });
    const { response } = await raw(client, id);
    expect(Object.fromEntries(response.headers)).toMatchObject(shown);
    expect(response.headers.get("cache-control")).toBe("private, no-cache"); // whoever may read it is ours to say
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    for (const name of Object.keys(hidden)) {
      expect(task.result, name).not.toHaveProperty(["headers", name]);
      if (name !== "keep-alive") expect(response.headers.has(name), name).toBe(false); // the server's own
    }
  });
});

describe("a proxied request is refused", () => {
  for (const prefer of [undefined, "wait=5", "respond-sync"]) {
    test(`with Prefer: ${prefer ?? "(none)"}`, async ({ client, upstream }) => {
      const place = upstream.open();
      const headers: Record<string, string> = prefer === undefined ? {} : { prefer };
      const reply = await client.send("POST", `/v1/proxy/plain${place.path}`, { headers });
      expect(reply.problem()).toMatchObject({ status: 400, code: "respond-async-required" });
      expect(place.calls).toEqual([]);
    });
  }

  test("a service that is not there, with 404", async ({ client }) => {
    expect((await proxied(client, "GET", "none/v1/x")).problem().code).toBe("not-found");
    expect((await proxied(client, "GET", "plain")).status).toBe(404);
  });

  test("a method that the service does not take, with 405 and those that it does", async ({
    client,
    upstream,
  }) => {
    const place = upstream.open();
    const reply = await proxied(client, "PUT", `small${place.path}`, { body: "x" });
    expect(reply.problem().code).toBe("method-not-allowed");
    expect(reply.headers.get("allow")).toBe("GET, POST");
    const head = await fetch(`${client.url}/v1/proxy/plain${place.path}`, {
      method: "HEAD",
      headers: { authorization: client.authorization, prefer: "respond-async" },
    });
    expect([head.status, head.headers.get("allow")]).toEqual([405, "GET, POST, PUT, PATCH, DELETE"]);
    expect(place.calls).toEqual([]);
  });

  for (const [what, target] of [
    ["a path under no prefix", "plain/v3/x"],
    ["a path that only begins alike", "plain/v2/onlyish"],
    ["an encoded slash", "plain/v1/a%2fb"],
    ["an escape within an escape", "plain/v1/%252e%252e/x"],
    ["an empty segment", "plain/v1//x"],
    ["QStash's own parameter", "plain/v1/x?upstash-retries=9"],
    ["a wide dot segment", "plain/v1/%E2%80%A5/x"],
    ["a dot segment with a blank", "plain/v1/..%20/x"],
    ["a dot segment with a tab", "plain/v1/..%09/x"],
    ["a segment that ends with a dot", "plain/v1/admin./x"],
  ] as const) {
    test(what, async ({ client }) => {
      const problem = (await proxied(client, "GET", target)).problem();
      expect(problem).toMatchObject({
        status: 422,
        code: "invalid-request",
        errors: [{ pointer: "#/input/path" }],
      });
    });
  }

  for (const [path, status] of [
    ["/v1/proxy/plain/v1/../../admin", 404],
    ["/v1/proxy/plain/../../admin/keys", 404],
    ["/v1/proxy/plain/v1/%2e%2e/v3", 422],
    ["/v1/proxy/plain/v1/..\\v3", 422],
    ["/v1/proxy/small/../plain/v1/x", 404],
  ] as const) {
    test(`${path} as it stands on the wire`, async ({ client }) => {
      const answered = await new Promise<number>((resolve, reject) => {
        const { hostname, port } = new URL(client.url);
        const headers = { authorization: client.authorization, prefer: "respond-async" };
        httpRequest({ hostname, port, path, headers }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        })
          .on("error", reject)
          .end();
      });
      expect(answered).toBe(status);
    });
  }

  for (const [name, value, code, pointer] of [
    ["ringback-delay", "soon", "invalid-request", "#/delay"],
    ["ringback-delay", "366d", "invalid-request", "#/delay"],
    ["ringback-deadline", "31d", "invalid-request", "#/deadline"],
    ["callback-url", "ftp://client.example/", "unsafe-callback-url", "#/callbackUrl"],
  ] as const) {
    test(`${name}: ${value}`, async ({ client, upstream }) => {
      const { path } = upstream.open();
      const problem = (
        await proxied(client, "GET", `plain${path}`, { headers: { [name]: value } })
      ).problem();
      expect(problem).toMatchObject({ status: 422, code, errors: [{ pointer }] });
    });
  }

  test("a body over the limit, with 413", async ({ client, upstream }) => {
    const place = upstream.open();
    const target = `plain${place.path}`;
    const prefer = { prefer: "respond-async" };
    expect((await announce(client, `/v1/proxy/${target}`, 1_048_577, prefer)).status).toBe(413);
    const most = await proxied(client, "POST", target, { body: new Uint8Array(1_048_576) });
    await client.ended(acceptedAs(most));
    expect(place.calls[0]?.body).toHaveLength(1_048_576);
  });

  test("a key without the service's scope, with 403; service:<name> is enough", async ({
    stack,
    upstream,
  }) => {
    const place = upstream.open();
    const keyed = (scopes: readonly string[]) =>
      newProject(stack.gateway, `scoped-${crypto.randomUUID()}`, scopes);
    const writer = await keyed(["tasks:write", "tasks:read", "service:small"]);
    const reply = await proxied(writer, "POST", `plain${place.path}`);
    expect(reply.headers.get("www-authenticate")).toContain('scope="service:plain"');
    const refused = reply.problem();
    expect(refused).toMatchObject({ status: 403, code: "forbidden" });
    expect(refused.detail).toContain("service:plain");
    acceptedAs(await proxied(await keyed(["service:plain"]), "POST", `plain${place.path}`));
    await place.wait(1);
    expect(place.calls).toHaveLength(1);
  });

  test("without a key, with 401", async ({ client }) => {
    const headers = { authorization: "Bearer rb_x" };
    expect((await proxied(client, "GET", "plain/v1/x", { headers })).problem().status).toBe(401);
  });
});
