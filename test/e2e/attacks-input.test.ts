import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { test } from "../support/fixture.ts";
import { root } from "../support/process.ts";
import { sendRaw } from "../support/raw.ts";
import { SERVICE } from "../support/shared-stack.ts";

const echo = { type: "diagnostics.echo", input: 1 };

/** A request as it goes over the wire. */
function written(lines: readonly string[], body = ""): string {
  return `${[...lines, "Host: gateway", "Connection: close"].join("\r\n")}\r\n\r\n${body}`;
}

describe("what would end a header's line", () => {
  test("in a path or a query brings no header of its own", async ({ client }) => {
    for (const odd of [
      "%0d%0aX-Injected:%201",
      "%0aX-Injected:1",
      "\u560d\u560aX-Injected:1",
      "%E5%98%8D%E5%98%8A",
    ]) {
      for (const path of [`/v1/tasks/${odd}`, `/v1/tasks?cursor=${odd}`, `/problems/${odd}`, `/${odd}`]) {
        const reply = await client.send("GET", path);
        expect([400, 404], path).toContain(reply.problem().status);
        expect(reply.headers.get("x-injected"), path).toBeNull();
      }
    }
  });

  test("is refused in an endpoint's headers and in those for a service", async ({ client }) => {
    for (const value of ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\u0000b", "caf\u00e9\u2028"]) {
      const endpoint = { url: "http://127.0.0.1:9/", events: ["task.*"] };
      const reply = await client.send("POST", "/v1/endpoints", {
        body: { ...endpoint, headers: { "x-a": value } },
      });
      expect(reply.problem(), value).toMatchObject({ status: 422, errors: [{ pointer: "#/headers/x-a" }] });
    }
    for (const name of ["x-a\r\nx-b", "x a", "x:a", "", "\u00e4"]) {
      const body = { url: "http://127.0.0.1:9/", events: ["task.*"], headers: { [name]: "1" } };
      expect((await client.send("POST", "/v1/endpoints", { body })).problem().status, name).toBe(422);
    }
  });

  test("never comes back in X-Request-Id", async ({ client }) => {
    for (const id of ["a b", "<script>", "a,b", "x".repeat(300)]) {
      const reply = await client.send("GET", "/healthz", { headers: { "x-request-id": id } });
      expect(reply.headers.get("x-request-id")).not.toBe(id);
    }
  });
});

describe("prototypes", () => {
  test("stay as they are, whatever members are called", async ({ client }) => {
    const input = JSON.parse(
      '{"constructor":{"prototype":{"polluted":1}},"toString":1,"hasOwnProperty":null}',
    );
    const { id } = await client.submit({ ...echo, input, metadata: { constructor: "x", toString: "y" } });
    expect(await client.ended(id)).toMatchObject({
      result: input,
      metadata: { constructor: "x", toString: "y" },
    });
    for (const body of [
      '{"type":"diagnostics.echo","input":{"__proto__":{"polluted":1}}}',
      '{"type":"diagnostics.echo","input":1,"metadata":{"__proto__":"x"}}',
      '{"type":"diagnostics.echo","input":1,"\\u005f_proto__":{"retries":0}}',
      '{"type":"__proto__","input":1}',
      '{"type":"constructor","input":1}',
      '{"type":"diagnostics.echo","input":1,"constructor":{}}',
    ]) {
      expect((await client.send("POST", "/v1/tasks", { body })).problem().status, body).toBe(422);
    }
    const query = ["metadata[__proto__]=x", "__proto__=x", "__proto__[limit]=1", "constructor[a]=1"];
    for (const one of query) {
      expect((await client.send("GET", `/v1/tasks?${one}`)).problem().status, one).toBe(400);
    }
    expect((await client.send("GET", "/v1/tasks?metadata[constructor]=x")).problem().code).toBe(
      "metadata-not-searchable",
    );
    expect((await client.send("GET", `/v1/tasks/${id}?include=input`)).text).not.toContain('"polluted":1,');
  });
});

describe("JSON that is meant to hurt", () => {
  const hurting: readonly (readonly [string, string, number])[] = [
    ["a hundred thousand arrays in one another", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, 422],
    ["a hundred thousand objects in one another", `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`, 422],
    ["as many, never closed", "[".repeat(500_000), 400],
    ["a number beyond every float", "1e400", 422],
    ["the same, below zero and deep", '{"a":[{"b":-1e999}]}', 422],
    [
      "an object of a hundred thousand members",
      JSON.stringify(Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`k${n}`, n]))),
      202,
    ],
    ["a number of half a megabyte", `1${"0".repeat(500_000)}`, 422],
    ["a small number of half a megabyte", `0.${"0".repeat(500_000)}1`, 202],
    ["a text of escapes", `"${"\\u0000".repeat(80_000)}"`, 202],
  ];
  test.for(hurting)("%s", async ([, input, status], { client }) => {
    const reply = await client.send("POST", "/v1/tasks", {
      body: `{"type":"diagnostics.echo","input":${input}}`,
    });
    expect(reply.status, reply.text.slice(0, 300)).toBe(status);
  });

  test("of a name that is given twice the last counts, for the check as for the task", async ({ client }) => {
    const body = '{"type":"no.such","input":1,"type":"diagnostics.echo","input":{"a":1,"a":2}}';
    const reply = await client.send("POST", "/v1/tasks", { body });
    expect(reply.status).toBe(202);
    const { id } = JSON.parse(reply.text);
    expect((await client.ended(id)).result).toEqual({ a: 2 });
  });

  test("a half of a surrogate pair comes back as it was sent", async ({ client }) => {
    const { id } = await client.submit({ ...echo, input: { "\ud800": "\udfff" }, metadata: { k: "\ud83d" } });
    expect(await client.ended(id)).toMatchObject({
      result: { "\ud800": "\udfff" },
      metadata: { k: "\ud83d" },
    });
  });
});

describe("bodies that never end", () => {
  const post = ["POST /v1/tasks HTTP/1.1", "Content-Type: application/json"];

  test("are not waited for when nobody knows the sender", async ({ stack }) => {
    for (const length of ["Content-Length: 1000000", "Transfer-Encoding: chunked"]) {
      const { status, text } = await sendRaw(stack.gateway.url, written([...post, length], "1\r\n{\r\n"));
      expect(status, text).toBe(401);
    }
  });

  test("are refused by what they announce", async ({ stack, client }) => {
    const lines = [...post, `Authorization: ${client.authorization}`, "Content-Length: 1048577"];
    expect((await sendRaw(stack.gateway.url, written(lines, "{"))).status).toBe(413);
  });

  test("are refused with a GET that is passed on, whatever their length", async ({ stack, client }) => {
    for (const length of ["Content-Length: 1048577", "Content-Length: 1", "Transfer-Encoding: chunked"]) {
      const lines = [
        `GET /v1/proxy/${SERVICE}/v1/orders HTTP/1.1`,
        "Prefer: respond-async",
        `Authorization: ${client.authorization}`,
        length,
      ];
      const { status, text } = await sendRaw(stack.gateway.url, written(lines, "1\r\n{\r\n"));
      expect(status, `${length} ${text}`).toBe(422);
    }
  });

  test("are cut off at the limit when they announce nothing", async ({ stack, client }) => {
    const lines = [...post, `Authorization: ${client.authorization}`, "Transfer-Encoding: chunked"];
    const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`;
    expect((await sendRaw(stack.gateway.url, written(lines, chunk.repeat(17)), 10_000)).status).toBe(413);
  });

  test("keep nobody else waiting", async ({ stack, client }) => {
    const lines = [...post, `Authorization: ${client.authorization}`, "Content-Length: 100"];
    const slow = Array.from({ length: 50 }, () => sendRaw(stack.gateway.url, written(lines, "{"), 2_000));
    const { id } = await client.submit(echo);
    expect((await client.ended(id)).status).toBe("succeeded");
    for (const { status } of await Promise.all(slow)) expect([0, 400]).toContain(status);
  });

  test("coded or of another type are not looked into", async ({ client }) => {
    for (const headers of [
      { "content-encoding": "gzip" },
      { "content-encoding": "br, identity" },
      { "content-type": "text/json" },
    ]) {
      const reply = await client.send("POST", "/v1/tasks", { body: echo, headers });
      expect(reply.problem()).toMatchObject({ status: 415, code: "unsupported-media-type" });
    }
  });
});

describe("addresses that would lead elsewhere", () => {
  const odd = [
    "..%2f..%2fpackage.json",
    "%2e%2e%2fopenapi.json",
    "..%5c..%5cwrangler.toml",
    "....//....//etc/passwd",
    "%2e%2e/%2e%2e/etc/passwd",
    "%c0%ae%c0%ae%c0%afetc%c0%afpasswd",
    "%252e%252e%252fpackage.json",
    "%00",
    "not-found%00",
    "task_%00kawv0m1ne0nvxf9dkb2jc5h0",
    "task_\uff10\uff11kawv0m1ne0nvxf9dkb2jc5h0",
    "task_01KAWV0M1NE0NVXF9DKB2JC5H0",
    "task_01kawv0m1ne0nvxf9dkb2jc5h0\u202e",
    `task_${"0".repeat(4_000)}`,
    "\u{1f4a9}",
    "*",
    "__proto__",
    "constructor",
  ];
  test("are not found, whatever stands where an id should", async ({ client }) => {
    for (const one of odd) {
      for (const place of ["/v1/tasks", "/v1/deliveries", "/v1/endpoints", "/problems", "/jwks", "/docs"]) {
        const path = `${place}/${encodeURI(one).replaceAll("%25", "%")}`;
        expect((await client.send("GET", path)).problem(), path).toMatchObject({
          status: 404,
          code: "not-found",
        });
      }
    }
  });

  test("do not lead to files next to the pages", async ({ stack }) => {
    expect(await readFile(join(root, "dist/worker/worker.js"), "utf8")).toContain("redis.call");
    for (const path of [
      "/worker/worker.js",
      "/../worker/worker.js",
      "/..%2fworker%2fworker.js",
      "/problems/../../worker/worker.js",
      "/problems/..%2f..%2fworker%2fworker.js",
      "/problems/%2e%2e%2f%2e%2e%2fworker%2fworker.js",
      "/problems/..%5c..%5cworker%5cworker.js",
      "/docs/../../worker/worker.js",
      "//worker/worker.js",
      "/./../worker/worker.js",
      "/problems//../../worker/worker.js",
    ]) {
      const { status, text } = await sendRaw(stack.gateway.url, written([`GET ${path} HTTP/1.1`]));
      expect([400, 404], path).toContain(status);
      expect(text, path).not.toContain("redis.call");
    }
  });
});

describe("requests that say two things", () => {
  test("another method in a header or in the query changes nothing", async ({ client }) => {
    const { id } = await client.submit(echo);
    await client.ended(id);
    for (const name of ["x-http-method-override", "x-http-method", "x-method-override"]) {
      expect((await client.send("GET", `/v1/tasks/${id}`, { headers: { [name]: "DELETE" } })).status).toBe(
        200,
      );
      expect((await client.send("POST", `/v1/tasks/${id}`, { headers: { [name]: "DELETE" } })).status).toBe(
        405,
      );
    }
    expect((await client.send("GET", `/v1/tasks/${id}?_method=DELETE`)).problem().status).toBe(400);
    for (const name of ["x-original-url", "x-rewrite-url", "x-forwarded-prefix"]) {
      expect((await client.send("GET", "/v1/nothing", { headers: { [name]: "/healthz" } })).status).toBe(404);
    }
    expect((await client.task(id)).id).toBe(id);
  });

  test("two keys are no key, in either order", async ({ stack, client }) => {
    const right = `Authorization: ${client.authorization}`;
    for (const lines of [
      [right, "Authorization: Bearer x"],
      ["Authorization: Bearer x", right],
      [right, right],
    ]) {
      const { status, text } = await sendRaw(
        stack.gateway.url,
        written(["GET /v1/tasks HTTP/1.1", ...lines]),
      );
      expect([400, 401], text).toContain(status);
    }
  });

  test("a host that is not ours is in no link", async ({ stack, client }) => {
    const lines = ["GET /v1/tasks?limit=1 HTTP/1.1", `Authorization: ${client.authorization}`];
    const request = `${[...lines, "Host: evil.example", "X-Forwarded-Host: evil.example", "Connection: close"].join("\r\n")}\r\n\r\n`;
    await client.submit(echo);
    await client.submit(echo);
    const { status, text } = await sendRaw(stack.gateway.url, request);
    expect(status).toBe(200);
    expect(text).not.toContain("evil.example");
    expect(text).toContain(`${stack.gateway.url}/v1/tasks/`);
  });
});
