import { describe, expect, test } from "vitest";
import { readPreferences } from "../../src/http/prefer.ts";

describe("Prefer (RFC 7240)", () => {
  const read: readonly (readonly [string, ReturnType<typeof readPreferences>])[] = [
    ["", { respondAsync: false }],
    ["respond-async", { respondAsync: true }],
    ["Respond-Async", { respondAsync: true }],
    ["foo=1,respond-async=1", { respondAsync: true }],
    ["respond-async; a=b", { respondAsync: true }],
    ["wait=10", { respondAsync: false, wait: 10 }],
    ["WAIT = 10", { respondAsync: false, wait: 10 }],
    ['wait="10"', { respondAsync: false, wait: 10 }],
    ["wait=10; foo=bar", { respondAsync: false, wait: 10 }],
    ["respond-async, wait=10", { respondAsync: true, wait: 10 }],
    ["wait=10, respond-async", { respondAsync: true, wait: 10 }],
  ];
  test.each(read)("%j is read", (header, preferences) => {
    expect(readPreferences(header)).toEqual(preferences);
  });

  test("of a repeated preference the first counts", () => {
    expect(readPreferences("wait=3, wait=20").wait).toBe(3);
    expect(readPreferences("wait=soon, wait=20").wait).toBeUndefined();
  });

  test.each([
    "wait",
    "wait=",
    "wait=0",
    "wait=-1",
    "wait=1.5",
    "wait=1e3",
    "wait=10s",
    "wait=99999999999",
    'x="wait=10, respond-async"',
    'x="wait=10',
    "waiting=10",
    "respond-asynchronously",
    ",,;;==",
    `${"a,".repeat(1_000)}wait=10`,
  ])("%j is ignored", (header) => {
    expect(readPreferences(header)).toEqual({ respondAsync: false });
  });
});
