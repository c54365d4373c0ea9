import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedis } from "../support/process.ts";
import { type Bench, ManualClock, startBench } from "./qstash-harness.ts";

let redis: Awaited<ReturnType<typeof startRedis>>;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

describe.each(["embedded", "real"] as const)("messages on %s Redis", (kind) => {
  const clock = new ManualClock();
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench({ clock, ...(kind === "real" ? { redisUrl: redis.url } : {}) });
  });
  afterAll(() => bench.stop());

  test("messages.get shows what was asked for, and leaves out what was not", async () => {
    const url = bench.destination.url("get");
    const { messageId } = await bench.client.publishJSON({
      url,
      body: { a: 1 },
      delay: "1h",
      method: "PUT",
      retries: 5,
      retryDelay: "1000",
      label: ["one", "two"],
      callback: `${url}/callback`,
      failureCallback: `${url}/failure`,
      flowControl: { key: "fk", rate: 5, period: "1m", parallelism: 2 },
      headers: { "x-mine": "1" },
    });
    expect(await bench.client.messages.get(messageId)).toEqual({
      messageId,
      url,
      method: "PUT",
      header: { "Content-Type": ["application/json"], "X-Mine": ["1"] },
      body: '{"a":1}',
      maxRetries: 5,
      retryDelayExpression: "1000",
      notBefore: clock.now() + 3_600_000,
      createdAt: clock.now(),
      callback: `${url}/callback`,
      failureCallback: `${url}/failure`,
      callerIP: "127.0.0.1",
      label: "one",
      labels: ["one", "two"],
      flowControlKey: "fk",
      rate: 5,
      ratePerSecond: 5,
      period: 60,
      parallelism: 2,
    });
    const binary = await bench.client.publish({ url, body: new Blob([Buffer.from([255, 0])]), delay: "1h" });
    const message = await bench.client.messages.get(binary.messageId);
    expect(message).toMatchObject({ bodyBase64: "/wA=" });
    expect(message).not.toHaveProperty("body");
    expect(message).not.toHaveProperty("callback");
  });

  test("redacted fields are shown as hashes, and delivered as they are", async () => {
    const url = bench.destination.url("redact");
    const { messageId } = await bench.client.publishJSON({
      url,
      body: { secret: 1 },
      delay: "1h",
      headers: { Authorization: "Bearer x", "X-Open": "1" },
      redact: { body: true, header: ["Authorization"] },
    });
    const message = await bench.client.messages.get(messageId);
    expect(message.body).toMatch(/^REDACTED:[0-9a-f]{64}$/);
    expect(message.header?.["Authorization"]?.[0]).toMatch(/^REDACTED:/);
    expect(message.header?.["X-Open"]).toEqual(["1"]);
    clock.advance(3_600_000);
    const [got] = await bench.destination.wait("redact");
    expect(got?.body.toString()).toBe('{"secret":1}');
    expect(got?.headers["authorization"]).toBe("Bearer x");
  });

  test("a canceled message is not delivered; an unknown one is 404", async () => {
    const url = bench.destination.url("cancel");
    const { messageId } = await bench.client.publishJSON({ url, delay: "1m" });
    expect(await bench.client.messages.cancel(messageId)).toEqual({ cancelled: 1 });
    await expect(bench.client.messages.cancel(messageId)).rejects.toMatchObject({ status: 404 });
    await expect(bench.client.messages.get(messageId)).rejects.toMatchObject({ status: 404 });
    clock.advance(60_000);
    const after = await bench.client.publishJSON({ url: bench.destination.url("after") });
    await bench.logs(after.messageId, "DELIVERED");
    expect(bench.destination.got("cancel")).toEqual([]);
    const { logs } = await bench.client.logs({ messageIds: [messageId] });
    expect(logs.map(({ state }) => String(state)).reverse()).toEqual([
      "CREATED",
      "CANCEL_REQUESTED",
      "CANCELLED",
    ]);
  });

  test("cancelling a message in flight stops its retries", async () => {
    const { promise: after, resolve: release } = Promise.withResolvers<void>();
    const url = bench.destination.url("in-flight", () => ({ status: 500, after }));
    const { messageId } = await bench.client.publishJSON({ url });
    await bench.destination.wait("in-flight");
    expect(await bench.client.messages.cancel(messageId)).toEqual({ cancelled: 1 });
    release();
    await bench.logs(messageId, "CANCELLED");
    clock.advance(86_400_000);
    expect(bench.destination.got("in-flight").length).toBe(1);
    const { messages } = await bench.client.dlq.listMessages({ filter: { messageId } });
    expect(messages).toEqual([]);
  });

  test("bulk cancel takes ids, filters (or within a field, and between fields), or everything", async () => {
    const publish = async (name: string, label: string | string[]) => {
      const url = `${bench.destination.url(name)}?a,b`;
      return (await bench.client.publishJSON({ url, label, delay: "1h" })).messageId;
    };
    const [a, b, c, d] = [
      await publish("bulk-a", "red"),
      await publish("bulk-b", ["blue", "green"]),
      await publish("bulk-a", "green"),
      await publish("bulk-c", "red"),
    ];
    const isThere = async (id: string) =>
      bench.client.messages.get(id).then(
        () => true,
        () => false,
      );
    const path = ["/bulk-a", "/bulk-b"];
    expect(await bench.client.messages.cancel({ filter: { label: ["green"], path } })).toEqual({
      cancelled: 2,
    });
    expect(await Promise.all([a, b, c, d].map(isThere))).toEqual([true, false, false, true]);
    const url = `${bench.destination.url("bulk-a")}?a,b`;
    expect(await bench.client.messages.cancel({ filter: { url } })).toEqual({ cancelled: 1 });
    expect(await bench.client.messages.cancel([a, d])).toEqual({ cancelled: 1 });
    await publish("bulk-a", "red");
    expect((await bench.client.messages.cancel({ all: true })).cancelled).toBeGreaterThan(0);
    expect(await bench.client.messages.cancel({ all: true })).toEqual({ cancelled: 0 });
  });

  test("bulk cancel takes at most `count`, the oldest first; without one it takes all", async () => {
    const url = bench.destination.url("counted");
    const ids: string[] = [];
    for (let n = 0; n < 6; n++) {
      ids.push(
        (await bench.client.publishJSON({ url, label: n < 5 ? "counted" : "other", delay: "1h" })).messageId,
      );
    }
    const left = async () => {
      const found = ids.map((id) =>
        bench.client.messages.get(id).then(
          () => true,
          () => false,
        ),
      );
      return (await Promise.all(found)).map(Number).join("");
    };
    const filter = { label: "counted" };
    expect(await bench.client.messages.cancel({ filter, count: 2 })).toEqual({ cancelled: 2 });
    expect(await left()).toBe("001111");
    expect(await bench.client.messages.cancel({ all: true, count: 1 })).toEqual({ cancelled: 1 });
    expect(await left()).toBe("000111");
    expect(await bench.client.messages.cancel({ filter, count: 500 })).toEqual({ cancelled: 2 });
    expect(await left()).toBe("000001");
    for (const count of [0, -1, 1.5, 501]) {
      await expect(bench.client.messages.cancel({ all: true, count })).rejects.toMatchObject({ status: 400 });
    }
    expect(await left()).toBe("000001");
    const headers = { Authorization: `Bearer ${bench.server.token}` };
    const response = await fetch(`${bench.server.url}/v2/messages`, { method: "DELETE", headers });
    expect(await response.json()).toEqual({ cancelled: 1 });
  });

  test("an unknown filter is refused", async () => {
    for (const path of ["/v2/messages?colour=red", "/v2/dlq?host=a", "/v2/logs?label=red"]) {
      const method = path.startsWith("/v2/messages") ? "DELETE" : "GET";
      const headers = { Authorization: `Bearer ${bench.server.token}` };
      const response = await fetch(bench.server.url + path, { method, headers });
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({ error: expect.stringContaining("unknown filter") });
    }
  });
});
