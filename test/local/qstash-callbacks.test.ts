import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedis } from "../support/process.ts";
import { type Bench, type Got, ManualClock, startBench } from "./qstash-harness.ts";

let redis: Awaited<ReturnType<typeof startRedis>>;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

const bodyOf = (got: Got | undefined) => JSON.parse(got?.body.toString() ?? "{}");
const text = (base64: string) => Buffer.from(base64, "base64").toString();

describe.each(["embedded", "real"] as const)("callbacks on %s Redis", (kind) => {
  const clock = new ManualClock();
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench({ clock, ...(kind === "real" ? { redisUrl: redis.url } : {}) });
  });
  afterAll(() => bench.stop());

  test("a callback carries the answer and the original, signed and with an id of its own", async () => {
    const answer = { status: 201, body: Buffer.from([1, 2, 255]), headers: { "X-Answer": "yes" } };
    const url = bench.destination.url("answers", () => answer);
    const callback = bench.destination.url("callback");
    const { messageId } = await bench.client.publishJSON({
      url,
      callback,
      body: { q: 1 },
      headers: { "Upstash-Callback-Forward-X-Job": "7", "Upstash-Callback-Method": "PUT", "X-Source": "s" },
    });
    const [got] = await bench.destination.wait("callback");
    const body = bodyOf(got);
    expect(body).toMatchObject({
      status: 201,
      header: { "X-Answer": ["yes"] },
      maxRetries: 3,
      sourceMessageId: messageId,
      url,
      method: "POST",
      sourceHeader: { "Content-Type": ["application/json"], "X-Source": ["s"] },
      callerIP: "127.0.0.1",
      createdAt: String(clock.now()),
      notBefore: String(clock.now()),
    });
    expect(Buffer.from(body.body, "base64")).toEqual(answer.body);
    expect(text(body.sourceBody)).toBe('{"q":1}');
    for (const empty of ["retried", "dlqId", "topicName", "scheduleId"])
      expect(body).not.toHaveProperty(empty);
    expect(got?.method).toBe("PUT");
    expect(got?.headers["x-job"]).toBe("7");
    expect(got?.headers["content-type"]).toBe("application/json");
    expect(got?.headers["upstash-message-id"]).not.toBe(messageId);
    expect(got?.headers).not.toHaveProperty("x-source");
    const signature = got?.headers["upstash-signature"] ?? "";
    expect(await bench.receiver.verify({ signature, body: got?.body.toString() ?? "", url: callback })).toBe(
      true,
    );
  });

  test("a callback comes once per attempt, the failure callback once after the last, with the dead letter's id", async () => {
    const { messageId } = await bench.client.publishJSON({
      url: bench.destination.url("fails", () => ({ status: 500, body: "oops" })),
      callback: bench.destination.url("each"),
      failureCallback: bench.destination.url("failure"),
      retries: 2,
      retryDelay: "1000",
      headers: { "Upstash-Failure-Callback-Forward-X-Why": "dead" },
    });
    for (const retry of [1, 2]) {
      await bench.logs(messageId, "RETRY", retry);
      expect(bench.destination.got("failure")).toEqual([]);
      clock.advance(1_000);
      await bench.destination.wait("each", retry + 1);
    }
    const each = (await bench.destination.wait("each", 3)).map(bodyOf);
    expect(each.map(({ retried }) => retried)).toEqual([undefined, 1, 2]);
    expect(
      each.every((body) => body.status === 500 && body.maxRetries === 2 && body.dlqId === undefined),
    ).toBe(true);
    const [failure] = await bench.destination.wait("failure");
    const { messages } = await bench.client.dlq.listMessages({ filter: { messageId } });
    expect(bodyOf(failure)).toMatchObject({
      status: 500,
      retried: 2,
      maxRetries: 2,
      dlqId: messages[0]?.dlqId,
      sourceMessageId: messageId,
    });
    expect(text(bodyOf(failure).body)).toBe("oops");
    expect(failure?.headers["x-why"]).toBe("dead");
    clock.advance(3_600_000);
    expect(bench.destination.got("failure").length).toBe(1);
  });

  test("a delivered message calls no failure callback", async () => {
    const failureCallback = bench.destination.url("no-failure");
    const { messageId } = await bench.client.publishJSON({
      url: bench.destination.url("fine"),
      failureCallback,
    });
    await bench.logs(messageId, "DELIVERED");
    expect(bench.destination.got("no-failure")).toEqual([]);
  });

  test("a callback has retries of its own and ends in the dead letter queue itself", async () => {
    const callback = bench.destination.url("broken-callback", () => ({ status: 500 }));
    await bench.client.publishJSON({
      url: bench.destination.url("ok"),
      callback,
      headers: { "Upstash-Callback-Retries": "1", "Upstash-Callback-Retry-Delay": "5000" },
    });
    const [got] = await bench.destination.wait("broken-callback");
    const callbackId = got?.headers["upstash-message-id"] ?? "";
    const [retry] = await bench.logs(callbackId, "RETRY");
    expect((retry?.nextDeliveryTime ?? 0) - (retry?.time ?? 0)).toBe(5_000);
    clock.advance(5_000);
    await bench.logs(callbackId, "FAILED");
    expect(bench.destination.got("broken-callback").length).toBe(2);
    expect(bench.destination.got("ok").length).toBe(1);
    const { messages } = await bench.client.dlq.listMessages({ filter: { url: callback } });
    expect(messages.map(({ messageId }) => messageId)).toEqual([callbackId]);
  });

  test("without an answer there is no status, and the body is the error", async () => {
    const failureCallback = bench.destination.url("unreachable");
    await bench.client.publishJSON({ url: "http://127.0.0.1:1/", retries: 0, failureCallback });
    const [got] = await bench.destination.wait("unreachable");
    expect(bodyOf(got)).not.toHaveProperty("status");
    expect(text(bodyOf(got).body)).toContain("ECONNREFUSED");
  });

  test("a delayed callback and a callback that is no URL are refused", async () => {
    const url = bench.destination.url("never");
    const headers = { "Upstash-Callback-Delay": "1s" };
    await expect(bench.client.publishJSON({ url, callback: url, headers })).rejects.toMatchObject({
      status: 400,
    });
    await expect(bench.client.publishJSON({ url, callback: "nowhere" })).rejects.toMatchObject({
      status: 400,
    });
    expect(bench.destination.got("never")).toEqual([]);
  });
});
