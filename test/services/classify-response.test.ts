import { describe, expect, test } from "vitest";
import { classifyResponse, type ServiceResponse } from "../../src/services/classify-response.ts";
import type { Service } from "../../src/services/service.ts";

const NOW = Date.parse("2026-11-24T09:00:00.000Z");

const service: Service = {
  name: "render",
  baseUrl: "https://render.example.com",
  methods: ["POST"],
  paths: ["/v1/"],
  headers: {},
  requestHeaders: [],
  responseHeaders: [],
  timeout: 60_000,
  retries: 3,
  completion: "none",
  poll: { interval: 5_000, pending: ["running"] },
  responseLimit: 5_242_880,
};
const polled: Service = { ...service, completion: "poll" };

function judge(
  told: Partial<Omit<ServiceResponse, "body">> & { readonly body?: string | Uint8Array },
  { of = service, isPoll = false }: { readonly of?: Service; readonly isPoll?: boolean } = {},
) {
  const { body = "", ...rest } = told;
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const whole = { status: 200, headers: {}, url: "https://render.example.com/v1/jobs", ...rest, body: bytes };
  return classifyResponse(of, whole, isPoll, NOW);
}

function resultOf(verdict: ReturnType<typeof judge>): unknown {
  if (verdict.kind !== "succeeded") throw new Error(verdict.kind);
  return JSON.parse(verdict.result);
}

const json = { "content-type": "application/json" };

describe("what the answer means", () => {
  for (const [status, retryable] of [
    [300, false],
    [304, false],
    [400, false],
    [401, false],
    [404, false],
    [408, true],
    [409, false],
    [425, true],
    [429, true],
    [499, false],
    [500, true],
    [501, true],
    [503, true],
    [599, true],
  ] as const) {
    test(`${status} is ${retryable ? "worth another call" : "final"}`, () => {
      expect(judge({ status })).toMatchObject({
        kind: "failed",
        error: { code: "upstream-status", retryable },
      });
    });
  }

  for (const status of [200, 201, 202, 204, 206, 299]) {
    test(`${status} is a success`, () => {
      expect(resultOf(judge({ status }))).toMatchObject({ status, body: null });
    });
  }

  for (const [value, delay] of [
    ["7", 7_000],
    ["Tue, 24 Nov 2026 09:01:00 GMT", 60_000],
    ["Tue, 24 Nov 2026 08:59:00 GMT", 0],
    ["999999", 86_400_000],
    ["soon", 0],
  ] as const) {
    test(`Retry-After: ${value}`, () => {
      expect(judge({ status: 503, headers: { "retry-after": value } })).toMatchObject({ retryAfter: delay });
    });
  }

  for (const [words, code] of [
    ["timeout: no response within 1000 ms", "upstream-timeout"],
    ["context deadline exceeded", "upstream-timeout"],
    ["request timed out", "upstream-timeout"],
    ["connection refused", "upstream-unreachable"],
    ["", "upstream-unreachable"],
  ] as const) {
    test(`no answer, and QStash says "${words}"`, () => {
      expect(judge({ status: 0, body: words })).toMatchObject({ error: { code, retryable: true } });
    });
  }
});

describe("an answer that was cut", () => {
  const cut = { kind: "failed", error: { code: "result-truncated", retryable: false } };

  test("is shorter than its Content-Length says", () => {
    expect(judge({ headers: { "content-length": "4" }, body: "abc" })).toMatchObject(cut);
    expect(judge({ headers: { "content-length": "3" }, body: "abc" }).kind).toBe("succeeded");
  });

  test("has more bytes than are kept", () => {
    const of = { ...service, responseLimit: 3 };
    expect(judge({ body: "abcd" }, { of })).toMatchObject(cut);
    expect(judge({ body: "abc" }, { of }).kind).toBe("succeeded");
  });

  for (const size of [1_000_000, 1_048_576]) {
    test(`has just the ${size} bytes after which the queue may cut, and no length`, () => {
      const body = "x".repeat(size);
      expect(judge({ body })).toMatchObject(cut);
      expect(judge({ headers: { "content-length": `${size}` }, body }).kind).toBe("succeeded");
      expect(judge({ body: body.slice(1) }).kind).toBe("succeeded");
      expect(judge({ body: `${body}x` }).kind).toBe("succeeded");
    });
  }

  for (const headers of [
    { "content-length": "2000000, 1000000" },
    { "content-length": "2e6" },
    { "content-length": "-1" },
    { "content-length": "" },
    { "content-encoding": "br" },
    { "content-length": "2000000", "content-encoding": "gzip" },
  ]) {
    test(`has just as many, and a length that says nothing of them: ${JSON.stringify(headers)}`, () => {
      expect(judge({ headers, body: "x".repeat(1_048_576) })).toMatchObject(cut);
      expect(judge({ headers, body: "abc" }).kind).toBe("succeeded");
    });
  }

  test("is shorter than its Content-Length, which was sent twice, says", () => {
    expect(judge({ headers: { "content-length": "4, 4" }, body: "abc" })).toMatchObject(cut);
    expect(judge({ headers: { "content-length": "3, 3" }, body: "abc" }).kind).toBe("succeeded");
    expect(
      judge({ headers: { "content-length": "4", "content-encoding": "Identity" }, body: "abc" }),
    ).toMatchObject(cut);
  });

  test("does not hide that it is a failure", () => {
    const verdict = judge({ status: 404, headers: { "content-length": "9" }, body: "abc" });
    expect(verdict).toMatchObject({ error: { code: "upstream-status" } });
    expect(verdict).not.toHaveProperty("result");
  });

  test("a coded body is as long as it is: its length may be another's", () => {
    const headers = { "content-length": "9", "content-encoding": "gzip" };
    expect(judge({ headers, body: "abc" }).kind).toBe("succeeded");
  });
});

describe("the result", () => {
  for (const [what, headers, body, kept] of [
    ["JSON", json, '{"a":1}', { body: { a: 1 } }],
    ["JSON of another name", { "content-type": "application/hal+json; charset=utf-8" }, "[1]", { body: [1] }],
    ["JSON that would be written otherwise", json, '{"a":1.0}', { body: { a: 1 }, bodyText: '{"a":1.0}' }],
    ["a number too large for us", json, "1e999", { body: "1e999" }],
    ["an integer beyond 2^53", json, '{"id":9007199254740993}', { body: '{"id":9007199254740993}' }],
    ["a decimal that is an integer beyond 2^53", json, "[1e23]", { body: "[1e23]" }],
    ["the nearest decimals", json, "[0.1,1e22]", { body: [0.1, 1e22] }],
    ["a JSON string", json, '"a"', { body: "a", bodyText: '"a"' }],
    ["JSON null", json, "null", { body: null, bodyText: "null" }],
    ["no JSON", json, "{", { body: "{" }],
    ["text", { "content-type": "text/csv" }, "a,b", { body: "a,b" }],
    ["a drawing", { "content-type": "image/svg+xml" }, "<svg/>", { body: "<svg/>" }],
    ["no type", {}, "a", { body: "a" }],
    ["an image", { "content-type": "image/png" }, "a", { body: "YQ==", bodyEncoding: "base64" }],
    [
      "text that is none",
      { "content-type": "text/plain" },
      new Uint8Array([0xff]),
      { body: "/w==", bodyEncoding: "base64" },
    ],
  ] as const) {
    test(`has ${what}`, () => {
      expect(resultOf(judge({ headers, body }))).toMatchObject(kept);
    });
  }

  for (const depth of [101, 7_000, 100_000]) {
    test(`JSON that nests ${depth} levels deep is kept as text`, () => {
      const body = "[".repeat(depth) + "]".repeat(depth);
      expect(resultOf(judge({ headers: json, body }))).toMatchObject({ body });
    });
  }

  test("JSON that nests 100 levels deep is kept as its value", () => {
    const body = "[".repeat(100) + "]".repeat(100);
    expect(resultOf(judge({ headers: json, body }))).toMatchObject({ body: JSON.parse(body) });
  });
});

describe("a service that completes by token", () => {
  test("leaves the task waiting by 202 alone", () => {
    const of: Service = { ...service, completion: "token" };
    expect(judge({ status: 202 }, { of })).toEqual({ kind: "waiting" });
    expect(judge({ status: 200 }, { of }).kind).toBe("succeeded");
    expect(judge({ status: 500 }, { of }).kind).toBe("failed");
  });
});

describe("a service that is polled", () => {
  const again = (path: string, delay = 5_000) => ({
    kind: "poll",
    url: `https://render.example.com${path}`,
    delay,
  });

  test("its 202 names where to ask", () => {
    const ask = (headers: Readonly<Record<string, string>>) =>
      judge({ status: 202, headers }, { of: polled });
    expect(ask({ location: "/v1/jobs/1" })).toEqual(again("/v1/jobs/1"));
    expect(ask({ location: "/no", "operation-location": "/yes", "retry-after": "9" })).toEqual(
      again("/yes", 9_000),
    );
    expect(ask({})).toMatchObject({ error: { code: "poll-location-missing" } });
    expect(ask({ location: "https://attacker.example/" })).toMatchObject({
      error: { code: "poll-location-refused" },
    });
  });

  test.each(["0", "00", "Sun, 06 Nov 1994 08:49:37 GMT"])("is not asked without a pause: %s", (wait) => {
    const headers = { location: "/v1/jobs/1", "retry-after": wait };
    for (const isPoll of [false, true])
      expect(judge({ status: 202, headers }, { of: polled, isPoll })).toEqual(again("/v1/jobs/1", 1_000));
  });

  test("another 2xx of the call itself is the result, whatever it says of itself", () => {
    expect(judge({ headers: json, body: '{"status":"running"}' }, { of: polled }).kind).toBe("succeeded");
  });

  const ask = { of: polled, isPoll: true };
  for (const told of [
    { status: 202 },
    { status: 0 },
    { status: 429 },
    { status: 503 },
    { headers: json, body: '{"status":"running"}' },
  ]) {
    test(`${JSON.stringify(told)} means: not yet`, () => {
      expect(judge(told, ask)).toEqual(again("/v1/jobs"));
    });
  }

  for (const told of [
    { headers: json, body: '{"status":"done"}' },
    { headers: json, body: '"running"' },
    { headers: { "content-type": "text/plain" }, body: '{"status":"running"}' },
  ]) {
    test(`${JSON.stringify(told)} is the result`, () => {
      expect(judge(told, ask).kind).toBe("succeeded");
    });
  }

  test("303 leads on, and must lead to the service", () => {
    expect(judge({ status: 303, headers: { location: "/v1/results/1" } }, ask)).toEqual(
      again("/v1/results/1"),
    );
    expect(judge({ status: 303, headers: { location: "//attacker.example/" } }, ask)).toMatchObject({
      error: { code: "poll-location-refused" },
    });
    expect(judge({ status: 404 }, ask)).toMatchObject({
      error: { code: "upstream-status", retryable: false },
    });
  });
});
