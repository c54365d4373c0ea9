import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedis } from "../support/process.ts";
import { type Bench, ManualClock, startBench, until } from "./qstash-harness.ts";

let redis: Awaited<ReturnType<typeof startRedis>>;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

describe.each(["embedded", "real"] as const)("the log and dead letters on %s Redis", (kind) => {
  const clock = new ManualClock();
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench({ clock, ...(kind === "real" ? { redisUrl: redis.url } : {}) });
  });
  afterAll(() => bench.stop());

  test("the log is read newest first, by pages and by message, under both of its paths", async () => {
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
      const query = new URLSearchParams({ count: "3", messageIds: messageId, ...(cursor ? { cursor } : {}) });
      const page = await (await fetch(`${bench.server.url}/v2/logs?${query}`, { headers })).json();
      expect(page.logs.length).toBeLessThanOrEqual(3);
      states.push(...page.logs.map(({ state }: { state: string }) => state));
      cursor = page.cursor;
    } while (cursor);
    expect(states).toEqual(["FAILED", "ERROR", "ACTIVE", "CREATED"]);

    const { logs } = await bench.client.logs({ filter: { messageId } });
    expect(logs.filter(({ state }) => state === "ERROR")).toMatchObject([
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
    expect((await bench.client.logs({ messageIds: [messageId, "msg_unknown"] })).logs).toEqual(logs);
    expect((await bench.client.logs({ messageIds: ["msg_unknown"] })).logs).toEqual([]);
    expect((await bench.client.logs({ count: 2 })).logs).toHaveLength(2);
  });

  test("the log tells why a message was refused: the status and body, or that nobody answered", async () => {
    const url = bench.destination.url("refused", () => ({ status: 401, body: "signature" }));
    const refused = await bench.client.publish({ url, retryDelay: "1000" });
    const [error] = await bench.logs(refused.messageId, "ERROR");
    expect(error).toMatchObject({
      error: expect.stringContaining("401"),
      responseStatus: 401,
      responseBody: Buffer.from("signature").toString("base64"),
      nextDeliveryTime: clock.now() + 1_000,
    });
    const nobody = await bench.client.publish({ url: "http://127.0.0.1:1/", retries: 0 });
    const [failed] = await bench.logs(nobody.messageId, "ERROR");
    expect(failed?.error).toContain("ECONNREFUSED");
    expect(failed).not.toHaveProperty("responseStatus");
    await bench.client.messages.cancel(refused.messageId);
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
