import { describe, expect, test } from "vitest";
import { createSign } from "../../src/adapters/crypto/sign.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { readPatiently } from "../../src/adapters/egress/fetch-body.ts";
import type { Destination } from "../../src/deliveries/destination.ts";
import { attemptDelivery } from "../../src/deliveries/send-webhook.ts";
import { fetcherOf, settingsOf } from "../support/parts.ts";

const NOW = Date.parse("2026-11-24T09:00:00.000Z");
const DAY = 86_400_000;
const destination: Destination = {
  kind: "open",
  url: "https://shop.example.com/hooks",
  headers: {},
  secrets: ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
  schedule: [5_000],
};

/** One attempt whose receiver answers so. */
function attempt(
  status: number,
  headers: readonly (readonly [string, string])[] = [],
  body: BodyInit | null = null,
) {
  const answered = new Response(body, {
    status: status < 200 || status > 599 ? 200 : status,
    headers: headers.map(([name, value]) => [name, value]),
  });
  Object.defineProperty(answered, "status", { value: status }); // Deno's fetch gives what the constructor refuses
  const fetcher = fetcherOf({ fetch: () => Promise.resolve(answered), read: readPatiently });
  const deps = { settings: settingsOf(), sign: createSign(webCrypto), fetcher };
  return attemptDelivery(
    deps,
    { eventId: "evt_01kawv0m1ne0qtrn9tkp0h7k2v", format: "full", body: "{}" },
    destination,
    () => NOW,
    50,
  );
}

test.each([
  ...[200, 201, 202, 204, 205, 206, 207, 226, 299].map((status) => [status, undefined] as const),
  ...[300, 301, 302, 303, 304, 307, 308, 399].map((status) => [status, "redirect"] as const),
  ...[400, 404, 408, 409, 418, 429, 499].map((status) => [status, "http-4xx"] as const),
  ...[500, 502, 503, 599, 600, 999].map((status) => [status, "http-5xx"] as const),
  ...[100, 101, 102, 103].map((status) => [status, "response-aborted"] as const),
  [410, "gone"] as const,
])("%i is %s", async (status, code) => {
  const { log, delivered } = await attempt(status);
  expect([delivered, log.statusCode, log.error?.code]).toEqual([code === undefined, status, code]);
});

describe("the body of a 2xx changes only what is kept of it", () => {
  const broken = (first?: string) =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        if (first !== undefined) controller.enqueue(new TextEncoder().encode(first));
        controller.error(new TypeError("cannot be decoded"));
      },
    });
  const endless = () =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => controller.enqueue(new TextEncoder().encode("never ends")),
    });
  test.each([
    ["breaks off", broken("a"), undefined],
    ["cannot be decoded from its first byte", broken(), undefined],
    ["never ends", endless(), "never ends"],
    ["never begins", new ReadableStream<Uint8Array<ArrayBuffer>>(), undefined],
    ["is no UTF-8", new Uint8Array([0xff, 0x00, 0x61]), "\ufffd\0a"],
    ["is larger than what is kept", "x".repeat(10_000), "x".repeat(4_096)],
  ])("%s", async (_what, body, response) => {
    const { log, delivered } = await attempt(200, [], body);
    expect([delivered, log.response]).toEqual([true, response]);
  });
});

test("the body is waited for within the attempt's own time, however patient the caller is", async () => {
  let read: number | undefined;
  const fetcher = fetcherOf({
    fetch: () => Promise.resolve(new Response("late")),
    read: async (_response, _maxBytes, patience) => {
      read = patience;
      return { text: "", truncated: false };
    },
  });
  const deps = { settings: settingsOf({ callbackTimeout: 500 }), sign: createSign(webCrypto), fetcher };
  const times = [NOW, NOW + 400, NOW + 400, NOW + 400];
  const webhook = { eventId: "evt_01kawv0m1ne0qtrn9tkp0h7k2v", format: "full", body: "{}" } as const;
  await attemptDelivery(deps, webhook, destination, () => times.shift() ?? NOW + 400, 10_000);
  expect(read).toBe(100);
});

describe("Retry-After of a failed attempt is kept in each form that it has, and in no other", () => {
  test.each([
    ["7", 7_000],
    ["9".repeat(400), DAY],
    ["Tue, 24 Nov 2026 09:01:00 GMT", 60_000],
    ["Tuesday, 24-Nov-26 09:01:00 GMT", 60_000],
    ["Tue Nov 24 09:01:00 2026", 60_000],
    ["Tue, 24 Nov 2026 08:00:00 GMT", 0],
    ["-1", undefined],
    ["1.5", undefined],
    ["2026-11-24T09:01:00Z", undefined],
  ])("%s", async (value, expected) => {
    expect((await attempt(503, [["retry-after", value]])).retryAfter).toBe(expected);
    expect((await attempt(200, [["retry-after", value]])).retryAfter).toBeUndefined();
  });

  test("which of two different ones counts is unknown", async () => {
    const { retryAfter } = await attempt(503, [
      ["retry-after", "5"],
      ["retry-after", "600"],
    ]);
    expect(retryAfter).toBeUndefined();
  });
});

describe("webhook-delivery steers, in any case and however often it is sent", () => {
  test.each([
    [["abort-message"], { final: true }],
    [[" Abort-Message "], { final: true }],
    [["abort-message", "abort-message"], { final: true }],
    [["x, ABORT-MESSAGE"], { final: true }],
    [["disable"], { final: true, disable: "receiver" }],
    [["abort-message", "disable"], { final: true, disable: "receiver" }],
    [["disabled"], { final: false }],
    [[""], { final: false }],
    [["abort message"], { final: false }],
  ])("%j", async (values, steer) => {
    const headers = values.map((value) => ["webhook-delivery", value] as const);
    expect(await attempt(500, headers)).toMatchObject(steer);
  });
});
