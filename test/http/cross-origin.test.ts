import { describe, expect, test } from "vitest";
import { routesOf } from "../../src/http/routes/index.ts";
import { StoreUnavailable } from "../../src/ports/errors.ts";
import { knowing, NOW, open, readToken, taskRecord } from "./gateway.ts";

const APP = "https://app.example.com";
const { id } = taskRecord();
const task = `/v1/tasks/${id}`;
const store = knowing(taskRecord());
const configured = { store, settings: { corsOrigins: [APP, "http://localhost:5173"] } };

const corsHeaders = ({ headers }: Response) =>
  [...headers].filter(([name]) => name.startsWith("access-control"));

const CUSTOM = "authorization,content-type,idempotency-key,if-none-match,last-event-id,prefer";

describe("pages of a configured origin", () => {
  test("may ask for every route with every header of ours", async () => {
    const gateway = await open(configured);
    for (const { method, path } of routesOf()) {
      const answer = await gateway.send("OPTIONS", path.replace(/:\w+(?:\{.*\})?/g, "x"), {
        headers: {
          authorization: "",
          origin: APP,
          "access-control-request-method": method,
          "access-control-request-headers": CUSTOM,
        },
      });
      const name = `${method} ${path}`;
      expect(answer.status, name).toBe(204);
      expect(answer.headers.get("access-control-allow-origin"), name).toBe(APP);
      expect(answer.headers.get("access-control-allow-methods")?.split(", "), name).toContain(method);
      expect(answer.headers.get("access-control-allow-headers"), name).toBe(CUSTOM);
      expect(answer.headers.get("vary"), name).toContain("Origin");
    }
  });

  test("read answers and refusals, with the headers that a client needs, and never with credentials", async () => {
    const failing = { accept: () => Promise.reject(new StoreUnavailable("away")) };
    const broken = await open({ ...configured, store: { ...store, ...failing } });
    const post = { method: "POST", body: "{", headers: { "content-type": "application/json" } };
    for (const [status, method, path, init] of [
      [200, "GET", task, {}],
      [404, "GET", "/v1/tasks/task_01kawv0m1ne0nvxf9dkb2jc5h1", {}],
      [404, "GET", "/nothing", {}],
      [404, "GET", "/docs/", {}],
      [405, "PUT", task, {}],
      [400, "POST", "/v1/tasks", post],
      [401, "GET", "/v1/stats-of-nobody", { headers: { authorization: "" } }],
      [401, "GET", task, { headers: { authorization: "Bearer x" } }],
      [413, "POST", "/v1/tasks", { ...post, body: "1".repeat(2_000_000) }],
      [503, "POST", "/v1/tasks", { ...post, body: '{"type":"test.echo","input":1}' }],
    ] as const) {
      const headers = { ...("headers" in init ? init.headers : {}), origin: APP };
      const answer = await broken.send(method, path, { ...init, headers });
      const name = `${method} ${path}`;
      if (!path.includes("nobody")) expect(answer.status, name).toBe(status);
      expect(answer.headers.get("access-control-allow-origin"), name).toBe(APP);
      expect(answer.headers.get("access-control-allow-credentials"), name).toBeNull();
      expect(answer.headers.get("vary"), name).toMatch(/\bOrigin\b/);
      const exposed = (answer.headers.get("access-control-expose-headers") ?? "").toLowerCase();
      for (const one of [
        "location",
        "operation-location",
        "content-location",
        "retry-after",
        "etag",
        "ratelimit",
        "ratelimit-policy",
        "preference-applied",
        "x-request-id",
      ]) {
        expect(exposed.split(", "), name).toContain(one);
      }
    }
  });

  test("keep the other reasons for which an answer varies", async () => {
    const answer = await (await open(configured)).send("GET", task, { headers: { origin: APP } });
    expect(answer.headers.get("vary")).toBe("Prefer, Origin");
    expect(await answer.json()).toMatchObject({ id });
    const etag = answer.headers.get("etag") ?? "";
    const again = await (await open(configured)).send("GET", task, {
      headers: { origin: APP, "if-none-match": etag },
    });
    expect([again.status, again.headers.get("access-control-allow-origin")]).toEqual([304, APP]);
  });
});

describe("pages of other origins", () => {
  test.each([
    "https://evil.example",
    "https://app.example.com.evil.example",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://APP.example.com",
    "null",
  ])("%s reads nothing; a cache learns that another might", async (origin) => {
    const gateway = await open(configured);
    for (const [method, extra] of [
      ["GET", {}],
      ["OPTIONS", { "access-control-request-method": "GET" }],
    ] as const) {
      const answer = await gateway.send(method, task, { headers: { origin, ...extra } });
      expect(corsHeaders(answer)).toEqual([]);
      expect(answer.headers.get("vary")).toMatch(/\bOrigin\b/);
    }
  });

  test("read nothing where no origin is configured, and the answers do not vary", async () => {
    const gateway = await open({ store });
    const answer = await gateway.send("GET", task, { headers: { origin: APP } });
    expect(corsHeaders(answer)).toEqual([]);
    expect(answer.headers.get("vary")).toBe("Prefer");
    const options = await gateway.send("OPTIONS", task, {
      headers: { origin: APP, "access-control-request-method": "GET" },
    });
    expect(corsHeaders(options)).toEqual([]);
    expect(options.headers.get("allow")).toContain("GET");
  });

  test("with `*` are all let in, `null` too", async () => {
    const gateway = await open({ store, settings: { corsOrigins: ["*"] } });
    for (const origin of ["https://any.example", "null"]) {
      const answer = await gateway.send("GET", task, { headers: { origin } });
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    }
  });
});

test("OPTIONS that is no preflight lists the methods of the path", async () => {
  const answer = await (await open(configured)).send("OPTIONS", task, { headers: { origin: APP } });
  expect([answer.status, answer.headers.get("allow")]).toEqual([204, "DELETE, GET, HEAD, OPTIONS"]);
  expect(answer.headers.get("access-control-allow-origin")).toBe(APP);
});

test("a signed link is no way around the list", async () => {
  const link = `${task}/result?token=${await readToken(id, NOW + 60_000)}`;
  const answer = await (await open(configured)).send("GET", link, {
    headers: { authorization: "", origin: "https://evil.example" },
  });
  expect([answer.status, corsHeaders(answer)]).toEqual([202, []]);
});
