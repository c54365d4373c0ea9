import { describe, expect, test } from "vitest";
import { idempotencyKey, nextLink, rateHeaders, seconds } from "../../src/http/pipeline/headers.ts";
import { traceOf } from "../../src/shared/trace/trace-context.ts";

describe("Idempotency-Key", () => {
  const accepted: readonly (readonly [string, string])[] = [
    ["abc", "abc"],
    ['"abc"', "abc"],
    ["x".repeat(255), "x".repeat(255)],
    [`"${"x".repeat(255)}"`, "x".repeat(255)],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['a"b', 'a"b'],
    ["!~", "!~"],
  ];
  for (const [value, key] of accepted) {
    test(`${value.slice(0, 20)} is ${key.slice(0, 20)}`, () => {
      expect(idempotencyKey(value)).toBe(key);
    });
  }

  for (const value of [
    "",
    '""',
    '"',
    '"abc',
    "a b",
    '"a b"',
    "a, b",
    "ü",
    "a\u007f",
    "x".repeat(256),
    `"${"x".repeat(256)}"`,
  ]) {
    test(`${JSON.stringify(value.slice(0, 20))} is malformed`, () => {
      expect(() => idempotencyKey(value)).toThrow(
        expect.objectContaining({ code: "malformed-idempotency-key" }),
      );
    });
  }

  test("none is none", () => {
    expect(idempotencyKey(undefined)).toBeUndefined();
  });
});

describe("traceparent", () => {
  const id = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  test("is carried on; a later version's as version 00, which is what we can read of it", () => {
    expect(traceOf(`00-${id}`)).toBe(`00-${id}`);
    expect(traceOf(` 00-${id} `)).toBe(`00-${id}`);
    expect(traceOf(`cc-${id}-what-the-future-brings`)).toBe(`00-${id}`);
  });

  test("takes its tracestate along, if that can be carried on", () => {
    expect(traceOf(`00-${id}`, " a=1,b@c=2 ")).toBe(`00-${id} a=1,b@c=2`);
    for (const state of ["", "a=\u0001", "ü=1", "x".repeat(513)])
      expect(traceOf(`00-${id}`, state)).toBe(`00-${id}`);
  });

  const malformed = [
    undefined,
    "",
    `ff-${id}`,
    `00-${id}-more`,
    `00-${id.toUpperCase()}`,
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    `00-4bf92f3577b34da6a3ce929d0e0e4736-${"0".repeat(16)}-01`,
    `00-${id}01`,
  ];
  test("starts anew when it is malformed", () => {
    expect(malformed.map((one) => traceOf(one, "a=b"))).toEqual(malformed.map(() => undefined));
  });
});

test("Retry-After is whole seconds, rounded up, at least one", () => {
  expect([0, 1, 1_000, 1_001, 59_999].map(seconds)).toEqual(["1", "1", "1", "2", "60"]);
});

test("RateLimit says what is left and when it is whole again", () => {
  expect(rateHeaders({ limit: 100, remaining: 99, reset: 10 })).toEqual({
    RateLimit: '"default";r=99;t=1',
    "RateLimit-Policy": '"default";q=100;w=1',
  });
  expect(rateHeaders({ limit: 4, remaining: -1, reset: 0 })["RateLimit"]).toBe('"default";r=0;t=0');
});

test("the next page's link keeps the query and leads to the public address", () => {
  expect(
    nextLink("https://ringback.example.com", "http://10.0.0.7:8787/v1/tasks?limit=3&cursor=a", "b+/="),
  ).toBe('<https://ringback.example.com/v1/tasks?limit=3&cursor=b%2B%2F%3D>; rel="next"');
});
