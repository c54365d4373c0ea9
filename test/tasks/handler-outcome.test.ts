import { expect, describe as group, test } from "vitest";
import { TaskError, wait } from "../../src/task.ts";
import {
  describe,
  outcomeOfReturned,
  outcomeOfThrown,
  progressOf,
} from "../../src/tasks/run/handler-outcome.ts";

const boom = (): never => {
  throw new Error("boom");
};
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const closedProxy = () => new Proxy({}, { get: boom, getPrototypeOf: boom, has: boom, ownKeys: boom });
const circle: unknown[] = [];
circle.push(circle);
const loop = new Error("loop");
loop.cause = loop;
const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { value };
  return value;
};
/** A TaskError as a subclass, a careless cast or plain JavaScript may make it. */
const taskError = (members: Readonly<Record<string, unknown>>) =>
  Object.defineProperties(
    new TaskError("code", "message"),
    Object.fromEntries(
      Object.entries(members).map(([name, value]) => [
        name,
        typeof value === "function" ? { get: value as () => unknown } : { value },
      ]),
    ),
  );

/** A test per case, named by its number or its first text: a reporter could not show these values. */
function each<Case extends readonly unknown[]>(cases: readonly Case[], check: (one: Case) => void): void {
  for (const [index, one] of cases.entries()) {
    test(typeof one[0] === "string" ? one[0] : `case ${index}`, () => check(one));
  }
}

group("whatever a handler throws has an outcome that can be stored", () => {
  const thrown: readonly (readonly [string, unknown])[] = [
    ["undefined", undefined],
    ["null", null],
    ["a symbol", Symbol("s")],
    ["a BigInt", 1n],
    ["a function", boom],
    ["a text", "text"],
    ["an object without a prototype", Object.create(null)],
    ["an object whose toString throws", { toString: boom }],
    [
      "an object whose message throws",
      {
        get message() {
          return boom();
        },
      },
    ],
    ["an Error whose message is a symbol", Object.assign(new Error("m"), { message: Symbol("m") })],
    ["an Error whose name is an object", Object.assign(new Error("m"), { name: { toString: boom } })],
    ["an Error that causes itself", loop],
    ["an AggregateError", new AggregateError([loop, revoked()], "many")],
    ["a Proxy that refuses everything", closedProxy()],
    ["a revoked Proxy", revoked()],
    ["an Error of 12 MB", new Error("x".repeat(12_000_000))],
  ];
  each(thrown, ([, error]) => {
    expect(outcomeOfThrown(error)).toEqual({
      kind: "failed",
      error: {
        code: "handler-failed",
        message: "The handler ended with an unexpected error.",
        retryable: true,
      },
    });
    expect(describe(error).length).toBeLessThan(2_200);
  });
});

group("a TaskError is told as far as it can be stored", () => {
  test("a code that is none is handler-failed", () => {
    const texts = ["Not Kebab", "UPPER", "a--b", "-a", "", "ä", "a".repeat(65), "a\n"];
    for (const code of [...texts, 12, Symbol("c"), boom, { toString: boom }]) {
      const { error } = outcomeOfThrown(taskError({ code }));
      expect(error).toEqual({ code: "handler-failed", message: "message", retryable: true });
    }
  });

  test("a message that is no text is replaced", () => {
    for (const message of [Symbol("m"), 12n, null, boom, {}]) {
      const { error } = outcomeOfThrown(taskError({ message }));
      expect(error).toEqual({ code: "code", message: "The handler gave no message.", retryable: true });
    }
  });

  test("a message is cut at 2,000 characters, and never within a pair", () => {
    const messageOf = (message: string) => outcomeOfThrown(new TaskError("code", message)).error.message;
    expect(messageOf("x".repeat(12_000_000))).toBe("x".repeat(2_000));
    expect(messageOf("x".repeat(2_000))).toHaveLength(2_000);
    expect(messageOf(`${"x".repeat(1_999)}😀`)).toBe("x".repeat(1_999));
    expect(messageOf(`${"x".repeat(1_998)}😀y`)).toBe(`${"x".repeat(1_998)}😀`);
    expect(JSON.parse(JSON.stringify(messageOf("\ud800 alone")))).toBe("\ud800 alone");
  });

  test("a retryAfter that is no time is ignored", () => {
    for (const retryAfter of [Number.NaN, -1, Number.NEGATIVE_INFINITY, "10", 10n, null, boom, {}]) {
      expect(outcomeOfThrown(taskError({ retryAfter }))).not.toHaveProperty("retryAfter");
    }
  });

  test.each([[1e308], [Number.POSITIVE_INFINITY], [86_400_001]])(
    "a retryAfter of %s is 24 h",
    (retryAfter) => {
      expect(outcomeOfThrown(taskError({ retryAfter })).retryAfter).toBe(86_400_000);
    },
  );

  test("what retryable says counts, where it says false", () => {
    expect(outcomeOfThrown(new TaskError("c", "m", { retryable: false })).error.retryable).toBe(false);
    expect(outcomeOfThrown(taskError({ retryable: boom })).error.retryable).toBe(true);
  });
});

group("whatever a handler returns has an outcome that can be stored", () => {
  const refused: readonly (readonly [string, unknown])[] = [
    ["a BigInt", 1n],
    ["a BigInt inside", { a: [1n] }],
    ["a circle", circle],
    ["a toJSON that throws", { toJSON: boom }],
    [
      "a toJSON without an end",
      {
        toJSON() {
          return { a: this };
        },
      },
    ],
    ["a toJSON that gives nothing", { toJSON: () => undefined }],
    [
      "a getter that throws",
      {
        get a() {
          return boom();
        },
      },
    ],
    ["a function", boom],
    ["a symbol", Symbol("s")],
    ["a Map", new Map([[1, 2]])],
    ["a Set", new Set([1])],
    ["a Response", new Response("text")],
    ["a stream", new Response("text").body],
    ["bytes", new ArrayBuffer(3)],
    ["an Error", new Error("returned")],
    ["a pattern", /a/],
    ["a Proxy that refuses everything", closedProxy()],
    ["a revoked Proxy", revoked()],
    ["101 levels", nested(101)],
    ["7,000 levels", nested(7_000)],
    ["100,000 levels", nested(100_000)],
  ];
  each(refused, ([, value]) => {
    expect(outcomeOfReturned(value)).toMatchObject({
      kind: "failed",
      error: { code: "invalid-result", retryable: false },
    });
  });

  test("more characters than Redis takes bytes are too large, before anything is copied", () => {
    const ofLength = (length: number) => outcomeOfReturned("x".repeat(length - 2)); // and two quotes
    expect(ofLength(10_000_001)).toMatchObject({
      kind: "failed",
      error: { code: "result-too-large", retryable: false },
    });
    expect(ofLength(10_000_000).kind).toBe("succeeded"); // the store measures what it sends
    expect(outcomeOfReturned(new Uint8Array(2_000_000))).toMatchObject({
      error: { code: "result-too-large" },
    });
  });

  const kept: readonly (readonly [unknown, string | undefined])[] = [
    [undefined, undefined],
    [null, "null"],
    [{}, "{}"],
    [Object.create(null), "{}"],
    [{ a: undefined, b: Number.NaN, c: boom }, '{"b":null}'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [new Date(Number.NaN), "null"],
    [new Uint8Array([1]), '{"0":1}'],
    ["\ud800", '"\\ud800"'],
    [nested(100), JSON.stringify(nested(100))],
  ];
  test("what JSON holds is the result", () => {
    for (const [value, result] of kept) {
      expect(outcomeOfReturned(value)).toEqual({
        kind: "succeeded",
        ...(result !== undefined && { result }),
      });
    }
  });

  test("a heartbeat that is no time is as if none were given", () => {
    expect(outcomeOfReturned(wait({ heartbeat: 5_000 }))).toEqual({ kind: "waiting", heartbeat: 5_000 });
    expect(outcomeOfReturned(wait({ heartbeat: Number.NaN }))).toEqual({ kind: "waiting" });
    expect(outcomeOfReturned(wait({ heartbeat: 1e308 }))).toEqual({
      kind: "waiting",
      heartbeat: 30 * 86_400_000,
    });
  });
});

group("progress keeps what can be stored and never throws", () => {
  const said: readonly (readonly [unknown, unknown])[] = [
    [{ percent: 50 }, { percent: 50 }],
    [
      { percent: 1_000, message: "m" },
      { percent: 100, message: "m" },
    ],
    [{ percent: -1 }, { percent: 0 }],
    [{ percent: Number.NaN, message: "m" }, { message: "m" }],
    [{ percent: Number.NaN }, undefined],
    [{ percent: Number.POSITIVE_INFINITY }, undefined],
    [{ percent: 5n }, undefined],
    [{ percent: "5" }, undefined],
    [{ message: 5 }, undefined],
    [{ message: Symbol("m"), percent: 5 }, { percent: 5 }],
    [undefined, undefined],
    [null, undefined],
    [5, undefined],
    [revoked(), undefined],
    [
      {
        get percent() {
          return boom();
        },
        message: "m",
      },
      { message: "m" },
    ],
    [{ message: `${"x".repeat(499)}😀` }, { message: "x".repeat(499) }],
  ];
  each(said, ([value, stored]) => {
    expect(progressOf(value, 500)).toEqual(stored);
  });
});
