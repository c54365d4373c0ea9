import { describe, expect, test } from "vitest";
import {
  EVENTS,
  headerFault,
  isEventPattern,
  isSecretHeader,
  matchesEvent,
} from "../../src/endpoints/endpoint.ts";

describe("event patterns", () => {
  const cases: readonly [pattern: string, type: string, fits: boolean][] = [
    ["*", "task.succeeded", true],
    ["*", "delivery.dead", true],
    ["task.*", "task.progress", true],
    ["task.*", "endpoint.disabled", false],
    ["endpoint.*", "endpoint.disabled", true],
    ["task.succeeded", "task.succeeded", true],
    ["task.succeeded", "task.succeeded.twice", false],
    ["task.suc", "task.succeeded", false],
    ["task.suc*", "task.succeeded", false],
    ["task", "task.succeeded", false],
    ["", "task.succeeded", false],
    [".*", "task.succeeded", false],
  ];
  for (const [pattern, type, fits] of cases) {
    test(`"${pattern}" ${fits ? "fits" : "does not fit"} ${type}`, () => {
      expect(matchesEvent([pattern], type)).toBe(fits);
      expect(matchesEvent(["other", pattern], type)).toBe(fits);
    });
  }

  test("no pattern fits nothing", () => {
    expect(matchesEvent([], "task.succeeded")).toBe(false);
  });

  test("a pattern that can never fit is none", () => {
    for (const pattern of ["*", "task.*", "endpoint.*", "delivery.*", ...EVENTS]) {
      expect(isEventPattern(pattern), pattern).toBe(true);
    }
    for (const pattern of ["", "**", "task", "task.", "tasks.*", "task.done", "Task.*", "task.*.x"]) {
      expect(isEventPattern(pattern), pattern).toBe(false);
    }
  });
});

describe("headers of an endpoint", () => {
  test("those of a connection, of the queue, and ours are refused, in any case", () => {
    const names = ["Host", "CONNECTION", "te", "Proxy-Authorization", "content-type", "Content-Length"];
    const ours = [
      "webhook-id",
      "Webhook-Signature",
      "svix-id",
      "SVIX-Signature",
      "upstash-forward-a",
      "traceparent",
      "User-Agent",
      "cookie",
    ];
    for (const name of [...names, ...ours]) expect(headerFault(name, "x"), name).toBeDefined();
  });

  test("others are taken, also those that begin alike", () => {
    for (const name of ["x-shop", "Authorization", "hostess", "tea", "x-webhook-id", "accept"]) {
      expect(headerFault(name, "a value"), name).toBeUndefined();
    }
  });

  test("what is no name or no value is refused", () => {
    for (const name of ["", "a b", "a:", "ä", "x\n", "a".repeat(201)]) {
      expect(headerFault(name, "x"), name).toBeDefined();
    }
    for (const value of ["a\r\nb", "\u0000", "ü"]) {
      expect(headerFault("x-a", value), JSON.stringify(value)).toBeDefined();
    }
  });

  test("names that sound secret are", () => {
    const known = ["authorization", "X-API-Key", "x-auth", "Private-Token", "x-secret", "x-signature"];
    const others = ["X-JWT-Assertion", "x-bearer", "X-HMAC", "x-private", "x-otp", "X_PIN", "x-sid", "x-pwd"];
    for (const name of [...known, ...others]) expect(isSecretHeader(name), name).toBe(true);
    for (const name of ["x-shop", "accept", "x-region", "x-shipping", "x-inside"])
      expect(isSecretHeader(name), name).toBe(false);
  });
});
