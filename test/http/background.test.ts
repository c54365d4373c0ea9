import { afterEach, describe, expect, test, vi } from "vitest";
import { createRingback } from "../../src/index.ts";

// What goes on after an answer, and the sweep, have nobody to throw to.

const ENV = {
  UPSTASH_REDIS_REST_URL: "http://127.0.0.1:9",
  UPSTASH_REDIS_REST_TOKEN: "t",
  QSTASH_URL: "http://127.0.0.1:9",
  QSTASH_TOKEN: "t",
  QSTASH_CURRENT_SIGNING_KEY: "sig_a",
  QSTASH_NEXT_SIGNING_KEY: "sig_b",
  RINGBACK_PUBLIC_URL: "http://127.0.0.1:8787",
  RINGBACK_MASTER_SECRET: "a master secret for tests, and for nothing else",
  RINGBACK_ADMIN_TOKEN: "an-admin-token-of-some-length",
};

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a sweep without Redis", () => {
  test("is logged, and rejects nowhere", async () => {
    const lines: string[] = [];
    vi.spyOn(console, "error").mockImplementation((line) => void lines.push(String(line)));
    const work: Promise<unknown>[] = [];
    const ringback = createRingback({ tasks: [] })(ENV);
    await ringback.scheduled(undefined, ENV, { waitUntil: (one) => void work.push(one) });
    await Promise.all(work);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { event: "sweep-failed", error: expect.stringContaining("StoreUnavailable") },
    ]);
  });
});
