import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { raw, request, test } from "../support/services.ts";

const json = (value: unknown) => ({
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});

describe("what goes wrong at the service", () => {
  test("5xx is called again, with the same Idempotency-Key, until the budget is used up", async ({
    client,
    upstream,
  }) => {
    const place = upstream.open([{ status: 503 }, { status: 500 }, json("at last")]);
    const id = await request(client, { service: "plain", path: place.path });
    expect(await client.ended(id, 40_000)).toMatchObject({ status: "succeeded", attempt: 3 });
    expect(new Set(place.calls.map(({ headers }) => headers["idempotency-key"]))).toEqual(
      new Set([`${id}.1`]),
    );
    const spent = upstream.open([{ status: 500, body: "boom" }]);
    const failed = await request(client, { service: "plain", path: spent.path }, { retries: 1 });
    expect(await client.ended(failed, 20_000)).toMatchObject({
      status: "failed",
      attempt: 2,
      error: { code: "upstream-status", retryable: true },
      result: { status: 500, body: "boom" },
    });
    expect(spent.calls).toHaveLength(2);
  });

  test("Retry-After is kept", async ({ client, upstream }) => {
    const place = upstream.open([{ status: 429, headers: { "retry-after": "6" } }, json(1)]);
    const id = await request(client, { service: "plain", path: place.path });
    expect(await client.ended(id, 30_000)).toMatchObject({ status: "succeeded", attempt: 2 });
    const [first, second] = place.calls;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(5_900);
  });

  for (const status of [301, 400, 404, 409, 422]) {
    test(`${status} is final, and its answer is kept`, async ({ client, upstream }) => {
      const place = upstream.open([
        {
          status,
          ...json({ why: status }),
          headers: { location: "/v1/elsewhere", "content-type": "application/json" },
        },
      ]);
      const id = await request(client, { service: "plain", path: place.path });
      expect(await client.ended(id)).toMatchObject({
        status: "failed",
        attempt: 1,
        error: { code: "upstream-status", message: `The service answered ${status}.`, retryable: false },
        result: { status, body: { why: status } },
      });
      const bare = await client.send("GET", `/v1/tasks/${id}/result`);
      expect(bare.problem()).toMatchObject({ status: 409, code: "task-not-succeeded" });
      const { response, bytes } = await raw(client, id);
      expect([response.status, response.headers.get("ringback-service-status"), bytes.toString()]).toEqual([
        status,
        `${status}`,
        `{"why":${status}}`,
      ]);
      expect(place.calls).toHaveLength(1);
    });
  }

  test("no answer in time is upstream-timeout", async ({ client, upstream }) => {
    const place = upstream.open([{ delayMs: 4_000 }]);
    const id = await request(client, { service: "brief", path: place.path });
    expect(await client.ended(id)).toMatchObject({
      status: "failed",
      error: { code: "upstream-timeout", retryable: true },
    });
  });

  test("a task's own timeout shortens the service's", async ({ client, upstream }) => {
    const place = upstream.open([{ delayMs: 5_000 }]);
    const id = await request(client, { service: "plain", path: place.path }, { timeout: "1s", retries: 0 });
    expect(await client.ended(id, 4_500)).toMatchObject({ error: { code: "upstream-timeout" } });
  });

  test("no connection is upstream-unreachable", async ({ client, upstream }) => {
    const place = upstream.open([{ cut: true }]);
    const id = await request(client, { service: "brief", path: place.path });
    expect(await client.ended(id)).toMatchObject({
      status: "failed",
      error: { code: "upstream-unreachable", retryable: true },
    });
  });

  test("a deadline ends it while the service is at work; what comes later changes nothing", async ({
    client,
    upstream,
    stack,
  }) => {
    const place = upstream.open([{ delayMs: 4_000 }]);
    const id = await request(client, { service: "patient", path: place.path }, { deadline: "2s" });
    await place.wait(1);
    await sleep(4_500);
    const task = await client.ended(id);
    expect(task.status).toMatch(/^(expired|failed)$/);
    expect(task.result).toBeUndefined();
    expect(stack.gateway.running.output()).not.toContain("request-failed");
  });
});

describe("a large body", () => {
  test("passes whole, both ways, up to the limits", async ({ client, upstream }) => {
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const answer = Buffer.concat(Array.from({ length: 80 }, () => Buffer.from(bytes))); // 4.8 MB
    const place = upstream.open([{ headers: { "content-type": "application/zip" }, body: answer }]);
    const body = Buffer.concat(Array.from({ length: 12 }, () => Buffer.from(bytes)));
    const id = await request(client, {
      service: "plain",
      path: place.path,
      body: body.toString("base64"),
      bodyEncoding: "base64",
    });
    expect((await client.ended(id)).status).toBe("succeeded");
    expect(place.calls[0]?.body.equals(body)).toBe(true);
    expect((await raw(client, id)).bytes.equals(answer)).toBe(true);
  });

  for (const [what, service, size, chunked] of [
    ["more than the service's limit", "small", 1_025, false],
    ["more than any limit", "plain", 5 * 1_048_576 + 1, false],
    ["more than QStash passes on, of unknown length", "plain", 11 * 1_048_576, true],
    ["just what the smallest plan passes on, of unknown length", "plain", 1_048_576, true],
    ["just that many decimal bytes, of unknown length", "plain", 1_000_000, true],
  ] as const) {
    test(`${what} is result-truncated, never silently cut`, async ({ client, upstream }) => {
      const place = upstream.open([{ body: "x".repeat(size), ...(chunked && { chunked }) }]);
      const id = await request(client, { service, path: place.path });
      const task = await client.ended(id);
      expect(task).toMatchObject({ status: "failed", error: { code: "result-truncated", retryable: false } });
      expect(task.result).toBeUndefined();
      expect(place.calls).toHaveLength(1);
    });
  }

  test("just the limit is kept, and so is a round size whose length is known", async ({
    client,
    upstream,
  }) => {
    for (const [service, size] of [
      ["small", 1_024],
      ["plain", 1_048_576],
    ] as const) {
      const place = upstream.open([{ body: "x".repeat(size) }]);
      const id = await request(client, { service, path: place.path });
      expect((await client.ended(id)).status).toBe("succeeded");
      expect((await raw(client, id)).bytes).toHaveLength(size);
    }
  });

  test("that is too long as JSON is result-too-large", async ({ client, upstream }) => {
    const place = upstream.open([
      { headers: { "content-type": "text/plain" }, body: "\u0001".repeat(1_500_000) },
    ]);
    const id = await request(client, { service: "plain", path: place.path });
    expect(await client.ended(id)).toMatchObject({ status: "failed", error: { code: "result-too-large" } });
  });
});
