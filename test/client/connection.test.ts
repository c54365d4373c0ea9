import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RingbackError } from "../../src/client/index.ts";
import { json, problem, scripted } from "./scripted.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const offline = new TypeError("fetch failed");
const task = { id: "task_1", done: false };

/** Lets every timer come until the call has ended; its value or its error. */
async function ended<T>(call: Promise<T>): Promise<T | RingbackError> {
  const settled = call.catch((error: unknown) => {
    if (error instanceof RingbackError) return error;
    throw error;
  });
  await vi.runAllTimersAsync();
  return settled;
}

describe("a request", () => {
  it("carries the key, goes below the gateway's path, and has its fields as JSON", async () => {
    const { ringback, made } = scripted([json(task, {}, 202)]);
    const submitted = ringback.tasks.submit("text.shout", { text: "a" }, { delay: "10s", wait: 5 });
    expect(await ended(submitted)).toEqual(task);
    const [{ url, method, headers, body } = { headers: new Headers() }] = made;
    expect({ url, method, body }).toEqual({
      url: "/v1/tasks",
      method: "POST",
      body: { type: "text.shout", input: { text: "a" }, delay: "10s" },
    });
    expect(headers.get("authorization")).toBe("Bearer rb_test");
    expect(headers.get("content-type")).toBe("application/json");
    expect(headers.get("prefer")).toBe("wait=5");
  });

  it("has an idempotency key of its own, the caller's where there is one, and none where nothing changes", async () => {
    const { ringback, made } = scripted([json(task)]);
    await ringback.tasks.submit("a", 1);
    await ringback.tasks.submit("a", 1);
    await ringback.tasks.cancel("task_1", { idempotencyKey: "mine" });
    await ringback.tasks.get("task_1");
    const keys = made.map(({ headers }) => headers.get("idempotency-key"));
    expect(keys[0]).toMatch(/^[!-~]{20,255}$/);
    expect(keys[1]).not.toBe(keys[0]);
    expect(keys.slice(2)).toEqual(["mine", null]);
  });

  it("names the project of an admin token, also a name that no header can carry", async () => {
    const { ringback, made } = scripted([json({})], { project: "żółw & co" });
    await ringback.stats({ since: "24h", step: "1h" });
    expect(made[0]?.url).toBe("/v1/stats?since=24h&step=1h");
    expect(decodeURIComponent(made[0]?.headers.get("ringback-project") ?? "")).toBe("żółw & co");
  });

  it("of a page without an API key is marked as the page's own", async () => {
    const fetched: Headers[] = [];
    const { ringback } = scripted([json(task)]);
    expect(ringback).toBeDefined();
    const { Ringback } = await import("../../src/client/index.ts");
    const own = new Ringback({
      url: "https://app.test",
      fetch: async (_url, init) => {
        fetched.push(new Headers(init.headers));
        return json(task);
      },
    });
    await own.tasks.cancel("task_1");
    expect(fetched[0]?.get("authorization")).toBeNull();
    expect(fetched[0]?.get("ringback-request")).toBe("1");
  });

  it("refuses a gateway's address that is none", () => {
    expect(() => scripted([], { url: "not an address" })).toThrow(TypeError);
  });

  it.each(["", "rb_one two", "rb_two\nlines", "rb_ż"])(
    "refuses a key that no header can carry: %j",
    (apiKey) => {
      expect(() => scripted([], { apiKey })).toThrow("apiKey must be printable ASCII");
    },
  );

  it("is not repeated as a lost one when a value of the call cannot be sent", async () => {
    const { ringback, made } = scripted([json(task)]);
    await expect(ringback.tasks.submit("a", 1, { idempotencyKey: "two\nlines" })).rejects.toThrow(TypeError);
    expect(made).toHaveLength(0);
  });
});

describe("a request without an answer", () => {
  it("is repeated with the same idempotency key", async () => {
    const { ringback, made } = scripted([offline, offline, json(task)]);
    expect(await ended(ringback.tasks.submit("a", 1))).toEqual(task);
    expect(made).toHaveLength(3);
    expect(new Set(made.map(({ headers }) => headers.get("idempotency-key"))).size).toBe(1);
  });

  it("waits longer before each repetition, and fails as unreachable after the last", async () => {
    const { ringback, made } = scripted([offline], { retries: 3 });
    const error = await ended(ringback.tasks.get("task_1"));
    expect(error).toMatchObject({ code: "unreachable", status: 0, cause: offline, errors: [] });
    expect(made).toHaveLength(4);
    const pauses = made.slice(1).map(({ at }, n) => at - (made[n]?.at ?? 0));
    for (const [n, length] of pauses.entries()) {
      expect(length).toBeGreaterThanOrEqual(125 * 2 ** n - 1);
      expect(length).toBeLessThanOrEqual(375 * 2 ** n + 1);
    }
  });

  it("fails as a timeout when the gateway hangs", async () => {
    const hangs = (_request: unknown, signal: AbortSignal) =>
      new Promise<Response>((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    const { ringback, made } = scripted([hangs], { timeout: 1_000, retries: 1 });
    expect(await ended(ringback.tasks.get("task_1"))).toMatchObject({ code: "timeout", status: 0 });
    expect(made).toHaveLength(2);
  });

  it("is repeated when the answer breaks off in its body", async () => {
    const broken = () =>
      new Response(new ReadableStream({ start: (controller) => controller.error(offline) }), { status: 200 });
    const { ringback, made } = scripted([broken, json(task)]);
    expect(await ended(ringback.tasks.get("task_1"))).toEqual(task);
    expect(made).toHaveLength(2);
  });

  it("counts as done when a repeated DELETE finds nothing", async () => {
    const gone = problem("not-found", 404);
    expect(await ended(scripted([offline, gone]).ringback.tasks.delete("task_1"))).toBeUndefined();
    expect(await ended(scripted([gone]).ringback.tasks.delete("task_1"))).toMatchObject({
      code: "not-found",
    });
  });
});

describe("a refusal", () => {
  it.each([429, 503])("of status %i is repeated when Retry-After has passed", async (status) => {
    const busy = problem("rate-limited", status, {}, { "retry-after": "7" });
    const { ringback, made } = scripted([busy, json(task)]);
    expect(await ended(ringback.tasks.submit("a", 1))).toEqual(task);
    expect((made[1]?.at ?? 0) - (made[0]?.at ?? 0)).toBeGreaterThanOrEqual(7_000);
  });

  it("with a Retry-After of more than a minute is left to the caller", async () => {
    const busy = problem("quota-exceeded", 429, {}, { "retry-after": "3600" });
    const { ringback, made } = scripted([busy]);
    const error = await ended(ringback.tasks.submit("a", 1));
    expect(error).toMatchObject({ code: "quota-exceeded", status: 429, retryAfter: 3_600_000 });
    expect(made).toHaveLength(1);
  });

  it.each([400, 401, 403, 404, 409, 410, 413, 422, 500])("of status %i is not repeated", async (status) => {
    const { ringback, made } = scripted([problem("some-code", status)]);
    expect(await ended(ringback.tasks.submit("a", 1))).toMatchObject({ status, code: "some-code" });
    expect(made).toHaveLength(1);
  });

  it("is an error with all that the problem says", async () => {
    const errors = [{ pointer: "#/input/csv", detail: "is required" }];
    const members = { errors, requestId: "req-1", taskStatus: "failed" };
    const { ringback } = scripted([problem("invalid-request", 422, members)]);
    const error = await ended(ringback.tasks.submit("a", 1));
    expect(error).toBeInstanceOf(RingbackError);
    expect(error).toMatchObject({
      name: "RingbackError",
      code: "invalid-request",
      status: 422,
      detail: "It is invalid-request.",
      errors,
      requestId: "req-1",
      problem: members,
      message: "invalid-request: It is invalid-request. (#/input/csv is required)",
    });
  });
});

describe("an answer that no gateway gives", () => {
  it("of a proxy is told with its status, and repeated when the proxy says so", async () => {
    const { ringback, made } = scripted([new Response("<h1>Bad gateway</h1>", { status: 502 })], {
      retries: 2,
    });
    const error = await ended(ringback.tasks.get("task_1"));
    expect(error).toMatchObject({ code: "unexpected-answer", status: 502 });
    expect(String(error)).toContain("<h1>Bad gateway</h1>");
    expect(made).toHaveLength(3);
  });

  it("that is no JSON is not taken for a success", async () => {
    const { ringback, made } = scripted([new Response("<html>sign in</html>", { status: 200 })]);
    expect(await ended(ringback.tasks.submit("a", 1))).toMatchObject({
      code: "unexpected-answer",
      status: 200,
    });
    expect(made).toHaveLength(1);
  });

  it("leads elsewhere: a POST would become a GET there", async () => {
    const moved = new Response(null, { status: 301, headers: { location: "https://www.ringback.test/" } });
    const { ringback } = scripted([moved]);
    const error = await ended(ringback.tasks.submit("a", 1));
    expect(error).toMatchObject({ code: "unexpected-answer", status: 301 });
    expect(String(error)).toContain("https://www.ringback.test/");
  });
});

describe("the caller's signal", () => {
  it("ends a call while it pauses, with the signal's reason", async () => {
    const { ringback, made } = scripted([problem("rate-limited", 429, {}, { "retry-after": "30" })]);
    const stop = new AbortController();
    const call = expect(ringback.tasks.submit("a", 1, { signal: stop.signal })).rejects.toThrow("enough");
    await vi.advanceTimersByTimeAsync(1_000);
    stop.abort(new Error("enough"));
    await call;
    expect(made).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("that has aborted sends nothing", async () => {
    const { ringback } = scripted([json(task)]);
    const call = ringback.tasks.get("task_1", { signal: AbortSignal.abort(new Error("enough")) });
    await expect(call).rejects.toThrow("enough");
  });
});

describe("a list", () => {
  it("reads page after page, only as far as it is asked", async () => {
    const page = (ids: readonly string[], nextCursor: string | null) =>
      json({ data: ids.map((id) => ({ id })), nextCursor });
    const { ringback, made } = scripted([page(["a", "b"], "c1"), page([], "c2"), page(["c"], null)]);
    const metadata = { orderId: "o 1" };
    const found: string[] = [];
    const createdAfter = new Date("2026-11-24T09:00:00.000Z");
    for await (const { id } of ringback.tasks.list({ status: "failed", metadata, createdAfter, limit: 2 })) {
      found.push(id);
    }
    expect(found).toEqual(["a", "b", "c"]);
    expect(made.map(({ url }) => new URLSearchParams(url.split("?")[1]).get("cursor"))).toEqual([
      null,
      "c1",
      "c2",
    ]);
    const query = new URLSearchParams(made[0]?.url.split("?")[1]);
    expect(Object.fromEntries(query)).toEqual({
      status: "failed",
      "metadata[orderId]": "o 1",
      createdAfter: createdAfter.toISOString(),
      limit: "2",
    });
    for await (const _first of ringback.deliveries.list()) break;
    expect(made).toHaveLength(4);
  });
});
