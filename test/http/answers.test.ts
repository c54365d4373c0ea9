import { describe, expect, test } from "vitest";
import { StoreUnavailable } from "../../src/ports/errors.ts";
import { ADMIN_TOKEN, knowing, NOW, open, PUBLIC_URL, readToken, taskRecord } from "./gateway.ts";

const good = { type: "test.echo", input: 1 };
const { id } = taskRecord();
const succeeded = taskRecord({
  status: "succeeded",
  attempt: 1,
  endedAt: NOW,
  resultExpiresAt: NOW + 1_000,
  result: { placement: "inline", json: '{"a":1}' },
});

describe("a 202", () => {
  test("says where the task is, when to look, and what is left of the rate", async () => {
    const answer = await (await open()).submit(good, { prefer: "respond-async" });
    expect(answer.status).toBe(202);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      location: `${PUBLIC_URL}/v1/tasks/${id}`,
      "operation-location": `${PUBLIC_URL}/v1/tasks/${id}/operation`,
      "content-location": `${PUBLIC_URL}/v1/tasks/${id}`,
      "retry-after": "1",
      "preference-applied": "respond-async",
      vary: "Prefer",
      ratelimit: '"default";r=99;t=1',
      "ratelimit-policy": '"default";q=100;w=1',
      "content-type": "application/json",
    });
    expect(answer.headers.get("idempotent-replayed")).toBeNull();
  });

  test("hands durations over in milliseconds, and the trace and the key as they were meant", async () => {
    const gateway = await open();
    const body = { ...good, delay: "10s", deadline: "15m", timeout: "500ms", resultTtl: "7d", retries: 0 };
    const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    await gateway.submit(body, { "idempotency-key": '"k"', traceparent: trace });
    await gateway.submit(body, { "idempotency-key": "k", traceparent: "nonsense" });
    const [first, second] = gateway.accepted;
    expect(first?.task).toMatchObject({
      maxAttempts: 1,
      options: { deadline: 900_000, timeout: 500, resultTtl: 604_800_000 },
      start: { kind: "delay", delay: 10_000 },
      trace,
    });
    expect(second?.task).not.toHaveProperty("trace");
    expect(first?.idempotency).toBeDefined();
    expect(second?.idempotency).toEqual(first?.idempotency);
  });

  test("starts at an absolute time, whatever its offset", async () => {
    const gateway = await open();
    await gateway.submit({ ...good, notBefore: "2026-12-01T10:00:00+01:00" });
    expect(gateway.accepted[0]?.task.start).toEqual({ kind: "at", at: Date.parse("2026-12-01T09:00:00Z") });
  });

  test("of a repetition says so", async () => {
    const store = {
      accept: () => Promise.resolve({ kind: "replayed", id } as const),
      ...knowing(taskRecord()),
    };
    const answer = await (await open({ store })).submit(good, { "idempotency-key": "k" });
    expect(answer.status).toBe(202);
    expect(answer.headers.get("idempotent-replayed")).toBe("true");
  });
});

describe("a 429", () => {
  const rate = { limit: 20, remaining: 7, reset: 650 };
  for (const [code, refused, left, policy] of [
    ["rate-limited", { kind: "rate-limited", retryAfter: 250, limit: 20 }, '"default";r=0;t=1', ""],
    [
      "quota-exceeded",
      { kind: "quota", quota: 5, rate },
      '"default";r=7;t=1, "open";r=0',
      ', "open";q=5;qu="concurrent-requests"',
    ],
  ] as const) {
    test(code, async () => {
      const store = { accept: () => Promise.resolve(refused) };
      const answer = await (await open({ store })).submit(good);
      expect(answer.status).toBe(429);
      expect(await answer.json()).toMatchObject({ code });
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
      expect(answer.headers.get("ratelimit")).toBe(left);
      expect(answer.headers.get("ratelimit-policy")).toBe(`"default";q=20;w=1${policy}`);
    });
  }
});

test("a 503 says that the outcome is unknown, and when to repeat", async () => {
  const store = { accept: () => Promise.reject(new StoreUnavailable("no answer")) };
  const answer = await (await open({ store })).submit(good);
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toBe("2");
  expect(await answer.json()).toMatchObject({
    code: "temporarily-unavailable",
    detail: expect.stringContaining("unknown"),
  });
});

describe("a task", () => {
  test("has an ETag; whoever has it already gets 304 and no body", async () => {
    const gateway = await open({ store: knowing(taskRecord()) });
    const first = await gateway.send("GET", `/v1/tasks/${id}`);
    const etag = first.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[0-9a-f]+"$/);
    expect(first.headers.get("cache-control")).toBe("private, no-cache");
    expect(first.headers.get("vary")).toBe("Prefer");
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const again = await gateway.send("GET", `/v1/tasks/${id}`, { headers: { "if-none-match": known } });
      expect(again.status, known).toBe(304);
      expect(await again.text()).toBe("");
      expect(Object.fromEntries(again.headers)).toMatchObject({
        etag,
        "cache-control": "private, no-cache",
        vary: "Prefer",
        "retry-after": "1",
        "x-request-id": expect.any(String),
      });
    }
    const other = await gateway.send("GET", `/v1/tasks/${id}`, { headers: { "if-none-match": '"x"' } });
    expect(other.status).toBe(200);
  });

  test("shows its input when asked to, and nothing else may be asked for", async () => {
    const gateway = await open({ store: knowing(taskRecord()) });
    expect(await (await gateway.send("GET", `/v1/tasks/${id}?include=input`)).json()).toMatchObject({
      input: 1,
    });
    expect(await (await gateway.send("GET", `/v1/tasks/${id}`)).json()).not.toHaveProperty("input");
    expect((await gateway.send("GET", `/v1/tasks/${id}?include=all`)).status).toBe(400);
  });
});

describe("a result", () => {
  const ask = async (record: typeof succeeded, query = "", authorization?: string) =>
    (await open({ store: knowing(record) })).send("GET", `/v1/tasks/${id}/result${query}`, {
      headers: authorization === undefined ? {} : { authorization },
    });

  test("is bare", async () => {
    const answer = await ask(succeeded);
    expect([answer.status, await answer.text()]).toEqual([200, '{"a":1}']);
  });

  test("is 204 when there is none", async () => {
    const answer = await ask({ ...succeeded, result: { placement: "none" } });
    expect([answer.status, await answer.text()]).toEqual([204, ""]);
  });

  test("is 410 from its expiry on, wherever it lay", async () => {
    expect((await ask({ ...succeeded, resultExpiresAt: NOW })).status).toBe(410);
    expect((await ask({ ...succeeded, result: { placement: "key" } })).status).toBe(410);
  });

  test("opens by a signed link, for this task alone and until it expires", async () => {
    const link = `?token=${await readToken(id, NOW + 2_000)}`;
    expect((await ask(succeeded, link, "")).status).toBe(200);
    const late = `?token=${await readToken(id, NOW - 2_000)}`;
    const other = `?token=${await readToken("task_01kawv0m1ne0nvxf9dkb2jc5h1", NOW + 2_000)}`;
    for (const bad of [late, other, "?token=rbr_x"]) expect((await ask(succeeded, bad, "")).status).toBe(401);
  });
});

describe("every answer", () => {
  test("carries a request id: the caller's when it is a sane one", async () => {
    const gateway = await open();
    const ask = async (given: string) =>
      (await gateway.send("GET", "/healthz", { headers: { "x-request-id": given } })).headers.get(
        "x-request-id",
      );
    expect(await ask("order-4711")).toBe("order-4711");
    for (const given of ["", "a b", "x".repeat(256), "<script>"])
      expect(await ask(given)).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("carries secure headers, refusals too", async () => {
    const gateway = await open();
    for (const path of ["/healthz", "/nothing", "/v1/tasks?limit=0"]) {
      const { headers } = await gateway.send("GET", path);
      expect(headers.get("x-content-type-options"), path).toBe("nosniff");
      expect(headers.get("content-security-policy"), path).toContain("default-src 'none'");
      expect(headers.get("strict-transport-security"), path).toBeTruthy();
    }
  });

  test("to HEAD is that to GET without its body; OPTIONS lists the methods", async () => {
    const gateway = await open({ store: knowing(taskRecord()) });
    const head = await gateway.send("HEAD", `/v1/tasks/${id}`);
    expect([head.status, await head.text(), head.headers.get("retry-after")]).toEqual([200, "", "1"]);
    const options = await gateway.send("OPTIONS", `/v1/tasks/${id}`);
    expect([options.status, options.headers.get("allow")]).toEqual([204, "DELETE, GET, HEAD, OPTIONS"]);
  });
});

describe("/admin", () => {
  test("takes the admin token and nothing like it", async () => {
    const gateway = await open({
      store: { listProjects: () => Promise.resolve({ data: [{ id: "prj_1", name: "shop" }] }) },
    });
    const ask = (token: string) =>
      gateway.send("GET", "/admin/projects", { headers: { authorization: `Bearer ${token}` } });
    expect((await ask("x")).status).toBe(401);
    expect((await gateway.send("GET", "/admin/projects")).status).toBe(401);
    const [, ...rest] = ADMIN_TOKEN;
    expect((await ask(rest.join(""))).status).toBe(401);
  });
});

describe("/readyz", () => {
  test("names what does not answer, and asks again after 5 s", async () => {
    let now = NOW;
    const pings = { redis: 0, qstash: 0 };
    const gateway = await open({
      clock: () => now,
      store: { ping: () => Promise.resolve(++pings.redis > 1 ? { ok: true, sweptAt: NOW } : { ok: false }) },
      queue: {
        ping: () => (++pings.qstash > 1 ? Promise.resolve(true) : Promise.reject(new Error("refused"))),
      },
    });
    const ask = async () => {
      const answer = await gateway.send("GET", "/readyz");
      return [answer.status, await answer.json()];
    };
    const away = [503, { redis: "unreachable", qstash: "unreachable", sweep: {} }];
    expect(await ask()).toEqual(away);
    now += 4_999;
    expect(await ask()).toEqual(away);
    now += 1;
    expect(await ask()).toEqual([
      200,
      { redis: "ok", qstash: "ok", sweep: { lastAt: new Date(NOW).toISOString() } },
    ]);
    expect(pings).toEqual({ redis: 2, qstash: 2 });
  });
});

describe("/internal", () => {
  const send = async (signed: boolean, body: string) =>
    (await open({ signed })).send("POST", "/internal/run", { body, headers: { "upstash-signature": "s" } });

  test("reads nothing of what is not signed", async () => {
    const answer = await send(false, "not JSON");
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: "invalid-signature" });
  });

  for (const body of ["not JSON", "{}", '{"v":2,"project":"p","task":"t","run":1,"attempt":1}']) {
    test(`tells the queue to give a message up that nobody understands: ${body}`, async () => {
      const answer = await send(true, body);
      expect(answer.status).toBe(489);
      expect(answer.headers.get("upstash-nonretryable-error")).toBe("true");
      expect(await answer.json()).toMatchObject({ code: "malformed-message", status: 489 });
    });
  }

  test("sends the queue away while the work is under way, until the lease ends", async () => {
    const project = "prj_01kawtzq4je0a8yqh3n5v6w7x8";
    const store = { claim: () => Promise.resolve({ kind: "busy", retryAfter: 12_001 } as const) };
    const body = JSON.stringify({ v: 1, project, task: id, run: 1, attempt: 1 });
    const answer = await (await open({ signed: true, store })).send("POST", "/internal/run", { body });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "13"]);
  });
});

describe("static pages", () => {
  const assets = {
    fetch: (request: Request) => {
      const { pathname } = new URL(request.url);
      return Promise.resolve(
        pathname === "/docs"
          ? new Response("<!doctype html>", { headers: { "content-type": "text/html", etag: '"e"' } })
          : new Response(null, { status: 404 }),
      );
    },
  };

  test("are served as the file server says, with our headers", async () => {
    const answer = await (await open({ assets })).send("GET", "/docs", { headers: { authorization: "" } });
    expect([answer.status, await answer.text()]).toEqual([200, "<!doctype html>"]);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": "text/html",
      etag: '"e"',
      "x-content-type-options": "nosniff",
      "x-request-id": expect.any(String),
    });
  });

  test("that are not there are a problem", async () => {
    const answer = await (await open({ assets })).send("GET", "/problems/nonsense");
    expect([answer.status, answer.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
  });
});
