import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedis } from "../support/process.ts";
import { type Answer, type Bench, ManualClock, startBench, until } from "./qstash-harness.ts";

let redis: Awaited<ReturnType<typeof startRedis>>;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

describe.each(["embedded", "real"] as const)("attempts on %s Redis", (kind) => {
  const clock = new ManualClock();
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench({ clock, ...(kind === "real" ? { redisUrl: redis.url } : {}) });
  });
  afterAll(() => bench.stop());

  /** Fails each attempt as `answer` says, and gives the seconds that QStash waits before each retry. */
  async function delays(name: string, retries: number, answer: () => Answer, retryDelay?: string) {
    const url = bench.destination.url(name, answer);
    const options = retryDelay === undefined ? {} : { retryDelay };
    const { messageId } = await bench.client.publishJSON({ url, retries, ...options });
    const waits: number[] = [];
    for (let retry = 1; retry <= retries; retry++) {
      const log = (await bench.logs(messageId, "RETRY", retry))[retry - 1];
      const wait = (log?.nextDeliveryTime ?? 0) - (log?.time ?? 0);
      waits.push(wait / 1_000);
      if (wait > 0) {
        clock.advance(wait - 1);
        await sleep(20);
        expect(bench.destination.got(name).length).toBe(retry);
        clock.advance(1);
      }
      await bench.destination.wait(name, retry + 1);
    }
    await bench.logs(messageId, "FAILED");
    return { messageId, waits };
  }

  const fail = () => ({ status: 500 });

  test("the backoff is e^(2.5 n) seconds, and never more than a day", async () => {
    const { waits } = await delays("backoff", 6, fail);
    expect(waits).toEqual([12, 148, 1_808, 22_026, 86_400, 86_400]);
    const got = bench.destination.got("backoff");
    expect(got.map(({ headers }) => headers["upstash-retried"])).toEqual(["0", "1", "2", "3", "4", "5", "6"]);
    expect(new Set(got.map(({ headers }) => headers["upstash-message-id"])).size).toBe(1);
    const [, second] = got;
    const signature = second?.headers["upstash-signature"] ?? "";
    expect(await bench.receiver.verify({ signature, body: "", url: bench.destination.url("backoff") })).toBe(
      true,
    );
  });

  test("Upstash-Retry-Delay is an expression in milliseconds", async () => {
    const { waits } = await delays("expression", 4, fail, "min(60000, max(1500, pow(2, retried) * 1000))");
    expect(waits).toEqual([1.5, 2, 4, 8]);
    // The gateway's own, for the callbacks of a service's call.
    const own = await delays("own-delay", 4, fail, "min(300000, 3000 * pow(10, retried))");
    expect(own.waits).toEqual([3, 30, 300, 300]);
    const bad = ["pow(2)", "process.exit(1)", "1 *", "(1", "toString(1)", "1 2", "1 + retried", "sqrt(4)"];
    for (const retryDelay of bad) {
      const publish = bench.client.publishJSON({ url: "http://127.0.0.1:9/", retryDelay });
      await expect(publish).rejects.toMatchObject({ status: 400 });
    }
  });

  test("Retry-After and its kin move the next attempt: seconds, a date, a duration; beyond a day they don't", async () => {
    const answers: Answer[] = [
      { status: 429, headers: { "Retry-After": "0" } },
      { status: 429, headers: { "Retry-After": "7" } },
      { status: 503, headers: { "X-RateLimit-Reset": "6m5s" } },
      { status: 503, headers: { "x-ratelimit-reset-requests": "250ms" } },
      { status: 500, headers: { "X-RateLimit-Reset-Tokens": "1h" } },
      { status: 500, headers: { "Retry-After": "86401" } },
      { status: 500 },
    ];
    const { waits } = await delays(
      "steered",
      6,
      () => answers[bench.destination.got("steered").length - 1] ?? {},
    );
    expect(waits).toEqual([0, 7, 365, 0.25, 3_600, 86_400]);

    const dated = () => ({
      status: 429,
      headers: { "Retry-After": new Date(clock.now() + 90_000).toUTCString() },
    });
    const { waits: date } = await delays("dated", 1, dated);
    expect(date[0]).toBeGreaterThan(88);
    expect(date[0]).toBeLessThanOrEqual(90);
  });

  test("a message that recovers is delivered, and then unknown", async () => {
    const url = bench.destination.url("recovers", (_, index) => ({ status: index < 1 ? 302 : 204 }));
    const { messageId } = await bench.client.publishJSON({ url, retryDelay: "1000" });
    await bench.logs(messageId, "RETRY");
    clock.advance(1_000);
    const [delivered] = await bench.logs(messageId, "DELIVERED");
    expect(delivered?.messageId).toBe(messageId);
    await expect(bench.client.messages.get(messageId)).rejects.toMatchObject({ status: 404 });
    const { logs } = await bench.client.logs({ messageIds: [messageId] });
    expect(logs.map(({ state }) => state).reverse()).toEqual([
      "CREATED",
      "ACTIVE",
      "ERROR",
      "RETRY",
      "ACTIVE",
      "DELIVERED",
    ]);
  });

  test("status 489 with Upstash-NonRetryable-Error ends it at once; 489 alone does not", async () => {
    const stop = { status: 489, headers: { "Upstash-NonRetryable-Error": "true" }, body: "no use" };
    const url = bench.destination.url("fatal", () => stop);
    const { messageId } = await bench.client.publishJSON({ url, retries: 5 });
    await bench.logs(messageId, "FAILED");
    const { messages } = await bench.client.dlq.listMessages({ filter: { messageId } });
    expect(messages).toMatchObject([{ messageId, responseStatus: 489, responseBody: "no use" }]);
    expect((await delays("489", 1, () => ({ status: 489 }))).waits).toEqual([12]);
  });

  test("retries: 0 means one attempt", async () => {
    const { waits } = await delays("once", 0, fail);
    expect(waits).toEqual([]);
    expect(bench.destination.got("once").length).toBe(1);
  });

  test("a call that takes longer than the timeout is a failed attempt", async () => {
    const { promise: after, resolve: release } = Promise.withResolvers<void>();
    const url = bench.destination.url("slow", () => ({ after }));
    const { messageId } = await bench.client.publishJSON({ url, retries: 0, timeout: "2s" });
    await bench.destination.wait("slow");
    clock.advance(1_999);
    expect((await bench.client.messages.get(messageId)).messageId).toBe(messageId);
    clock.advance(1);
    const [error] = await bench.logs(messageId, "ERROR");
    expect(error?.error).toContain("timeout");
    await bench.logs(messageId, "FAILED");
    release();
  });

  test("a destination that refuses connections is a failed attempt", async () => {
    const { messageId } = await bench.client.publishJSON({ url: "http://127.0.0.1:1/", retries: 0 });
    const [error] = await bench.logs(messageId, "ERROR");
    expect(error?.error).toContain("ECONNREFUSED");
    const { messages } = await bench.client.dlq.listMessages({ filter: { messageId } });
    expect(messages).toHaveLength(1);
    expect(messages[0]).not.toHaveProperty("responseStatus");
  });

  test("deduplication lasts ten minutes, whatever became of the first message", async () => {
    const request = { url: bench.destination.url("window", fail), retries: 0, deduplicationId: "window" };
    const first = await bench.client.publishJSON(request);
    await bench.logs(first.messageId, "FAILED");
    clock.advance(599_000);
    expect(await bench.client.publishJSON(request)).toEqual({
      messageId: first.messageId,
      deduplicated: true,
    });
    clock.advance(1_000);
    const again = await bench.client.publishJSON(request);
    expect(again.messageId).not.toBe(first.messageId);
    await bench.destination.wait("window", 2);
  });

  test("content based deduplication looks at destination, body, content type and forwarded headers", async () => {
    const url = bench.destination.url("content");
    const publish = (body: string, headers: Record<string, string>, to = url) =>
      bench.client.publish({ url: to, body, headers, contentBasedDeduplication: true });
    const first = await publish("a", { "X-A": "1" });
    expect(await publish("a", { "X-A": "1" })).toMatchObject({
      messageId: first.messageId,
      deduplicated: true,
    });
    for (const other of [
      publish("b", { "X-A": "1" }),
      publish("a", { "X-A": "2" }),
      publish("a", { "X-A": "1", "Content-Type": "text/html" }),
      publish("a", { "X-A": "1" }, `${url}?2`),
    ]) {
      expect(await other).not.toHaveProperty("deduplicated");
    }
    await until(() => (bench.destination.got("content").length === 5 ? true : undefined));
  });
});
