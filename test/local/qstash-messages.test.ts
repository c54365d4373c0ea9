import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedis } from "../support/process.ts";
import { type Bench, ManualClock, startBench, until } from "./qstash-harness.ts";

let redis: Awaited<ReturnType<typeof startRedis>>;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

describe.each(["embedded", "real"] as const)("messages, logs and dead letters on %s Redis", (kind) => {
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

  test("an unknown filter is refused", async () => {
    for (const path of ["/v2/messages?colour=red", "/v2/dlq?host=a", "/v2/logs?colour=red"]) {
      const method = path.startsWith("/v2/messages") ? "DELETE" : "GET";
      const headers = { Authorization: `Bearer ${bench.server.token}` };
      const response = await fetch(bench.server.url + path, { method, headers });
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({ error: expect.stringContaining("unknown filter") });
    }
  });

  test("the log is read newest first, by pages and filters, under both of its paths", async () => {
    const url = bench.destination.url("logged", () => ({
      status: 500,
      body: "no",
      headers: { "X-Why": "bad" },
    }));
    const { messageId } = await bench.client.publishJSON({
      url,
      body: { a: 1 },
      label: "logged",
      retries: 0,
    });
    await bench.logs(messageId, "FAILED");
    const headers = { Authorization: `Bearer ${bench.server.token}` };
    const states: string[] = [];
    let cursor: string | undefined;
    do {
      const query = new URLSearchParams({ count: "3", label: "logged", ...(cursor ? { cursor } : {}) });
      const page = await (await fetch(`${bench.server.url}/v2/logs?${query}`, { headers })).json();
      expect(page.logs.length).toBeLessThanOrEqual(3);
      states.push(...page.logs.map(({ state }: { state: string }) => state));
      cursor = page.cursor;
    } while (cursor);
    expect(states).toEqual(["FAILED", "ERROR", "ACTIVE", "CREATED"]);

    const { logs } = await bench.client.logs({ filter: { state: "ERROR", url } });
    expect(logs).toMatchObject([
      {
        messageId,
        url,
        header: { "Content-Type": ["application/json"] },
        body: Buffer.from('{"a":1}').toString("base64"),
        responseStatus: 500,
        responseBody: Buffer.from("no").toString("base64"),
        responseHeaders: { "X-Why": ["bad"] },
        labels: ["logged"],
      },
    ]);
    const inProgress = await bench.client.logs({ filter: { state: "IN_PROGRESS", label: "logged" } });
    expect(inProgress.logs.map(({ state }) => state)).toEqual(["ERROR", "ACTIVE"]);
    expect(
      (await bench.client.logs({ filter: { label: "logged", fromDate: clock.now() + 1 } })).logs,
    ).toEqual([]);
  });

  test("dead letters are listed by pages and filters, retried and deleted", async () => {
    let status = 500;
    const inbox = (name: string) =>
      bench.destination.url(name, () => ({ status, body: Buffer.from([255]), headers: { "X-Why": "bad" } }));
    const ids: string[] = [];
    for (const n of [1, 2, 3]) {
      const request = {
        url: inbox(`dead-${n}`),
        body: { n },
        label: "dead",
        retries: 0,
        headers: { "X-N": `${n}` },
      };
      ids.push((await bench.client.publishJSON(request)).messageId);
    }
    for (const id of ids) await bench.logs(id, "FAILED");

    const filter = { label: "dead" };
    const first = await bench.client.dlq.listMessages({ filter, count: 2 });
    expect(first.messages.length).toBe(2);
    const rest = await bench.client.dlq.listMessages({ filter, count: 2, cursor: first.cursor ?? "" });
    expect(rest.messages.length).toBe(1);
    expect(rest.cursor).toBeUndefined();
    const letters = [...first.messages, ...rest.messages];
    expect(new Set(letters.map(({ messageId }) => messageId))).toEqual(new Set(ids));
    expect(letters[0]).toMatchObject({
      dlqId: expect.stringMatching(/^\d+-\d+$/),
      responseStatus: 500,
      responseBodyBase64: "/w==",
      responseHeader: { "X-Why": ["bad"] },
    });
    const both = { ...filter, responseStatus: [404, 500], url: bench.destination.url("dead-2") };
    expect((await bench.client.dlq.listMessages({ filter: both })).messages.length).toBe(1);

    status = 200;
    const letter = letters.find(({ messageId }) => messageId === ids[0]);
    const { responses } = await bench.client.dlq.retry(letter?.dlqId ?? "");
    expect(responses).toHaveLength(1);
    expect(responses[0]?.messageId).not.toBe(ids[0]);
    const got = await bench.destination.wait("dead-1", 2);
    expect(got[1]?.body.toString()).toBe('{"n":1}');
    expect(got[1]?.headers).toMatchObject({
      "x-n": "1",
      "upstash-retried": "0",
      "content-type": "application/json",
    });

    const second = letters.find(({ messageId }) => messageId === ids[1]);
    await bench.client.dlq.delete(second?.dlqId ?? "");
    await expect(bench.client.dlq.delete(second?.dlqId ?? "")).rejects.toMatchObject({ status: 404 });
    expect(
      (await bench.client.dlq.listMessages({ filter })).messages.map(({ messageId }) => messageId),
    ).toEqual([ids[2]]);
    expect(await bench.client.dlq.delete({ filter })).toMatchObject({ deleted: 1 });
    expect((await bench.client.dlq.listMessages({ filter })).messages).toEqual([]);
    await expect(bench.client.dlq.retry("1-1")).rejects.toMatchObject({ status: 404 });
  });

  test("a dead letter's retry may override its settings", async () => {
    const url = bench.destination.url("override", () => ({ status: 500 }));
    const { messageId } = await bench.client.publishJSON({ url, retries: 0, body: { keep: true } });
    await bench.logs(messageId, "FAILED");
    const { messages } = await bench.client.dlq.listMessages({ filter: { messageId } });
    const response = await fetch(`${bench.server.url}/v2/dlq/retry/${messages[0]?.dlqId}`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${bench.server.token}`,
        "Upstash-Retries": "7",
        "Upstash-Delay": "30s",
      },
    });
    expect(response.status).toBe(201);
    const again = await response.json();
    expect(await bench.client.messages.get(again.messageId)).toMatchObject({
      url,
      maxRetries: 7,
      body: '{"keep":true}',
      notBefore: clock.now() + 30_000,
    });
  });

  test("dead letters are kept for seven days", async () => {
    const url = bench.destination.url("old", () => ({ status: 500 }));
    const { messageId } = await bench.client.publishJSON({ url, retries: 0 });
    await bench.logs(messageId, "FAILED");
    const count = async () =>
      (await bench.client.dlq.listMessages({ filter: { messageId } })).messages.length;
    clock.advance(7 * 86_400_000 - 1_000);
    await until(async () => ((await count()) === 1 ? true : undefined));
    clock.advance(2_000);
    expect(await count()).toBe(0);
  });
});
