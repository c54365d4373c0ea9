import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { acceptsStream, readPreferences } from "../../src/http/pipeline/prefer.ts";
import type { Env } from "../../src/http/pipeline/route.ts";

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
    ["wait=0010", { respondAsync: false, wait: 10 }],
    ['wait="0000000000000010"', { respondAsync: false, wait: 10 }],
    ["wait=99999999999", { respondAsync: false, wait: 86_400 }],
    [`wait=${"9".repeat(900)}`, { respondAsync: false, wait: 86_400 }],
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

describe("Accept (RFC 9110, section 12.5.1)", () => {
  const app = new Hono<Env>().get("/", (c) => c.text(acceptsStream(c) ? "stream" : "JSON"));
  test.each([
    ["text/event-stream", "stream"],
    ["Text/Event-Stream", "stream"],
    ["text/event-stream; charset=utf-8", "stream"],
    ["text/html, text/event-stream;q=0.1", "stream"],
    ["text/event-stream, application/json;q=0.9", "stream"],
    ["application/json;q=0.5, text/event-stream;q=0.6", "stream"],
    ["text/event-stream, */*", "stream"],
    ["", "JSON"],
    ["*/*", "JSON"],
    ["text/*", "JSON"],
    ["application/json", "JSON"],
    ["text/event-stream, application/json", "JSON"],
    ["application/json, text/event-stream", "JSON"],
    ["text/event-stream;q=0", "JSON"],
    ["application/json, text/event-stream;q=0.5", "JSON"],
    ['text/html;a="text/event-stream, b"', "JSON"],
    ["text/event-stream2", "JSON"],
    [",,;;", "JSON"],
  ])("%j wants %s", async (accept, expected) => {
    const response = await app.request("/", { headers: { accept } });
    expect(await response.text()).toBe(expected);
  });
});
