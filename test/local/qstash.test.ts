import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startRedis } from "../support/process.ts";
import { type Bench, startBench } from "./qstash-harness.ts";

let redis: Awaited<ReturnType<typeof startRedis>>;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

describe.each(["embedded", "real"] as const)("publish on %s Redis", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await startBench(kind === "real" ? { redisUrl: redis.url } : {});
  });
  afterAll(() => bench.stop());

  test("publishJSON delivers the body with every documented header", async () => {
    const url = bench.destination.url("json");
    const { messageId } = await bench.client.publishJSON({
      url: `${url}/a%20b?x=1&y=%2F`,
      body: { hello: "wörld" },
      headers: { "X-Mine": "1", Authorization: "Bearer theirs" },
    });
    const [got] = await bench.destination.wait("json");
    expect(got?.method).toBe("POST");
    expect(got?.path).toBe("/json/a%20b?x=1&y=%2F");
    expect(got?.body.toString()).toBe('{"hello":"wörld"}');
    expect(got?.headers).toMatchObject({
      "content-type": "application/json",
      "content-length": "18",
      "user-agent": "Upstash-QStash",
      "upstash-message-id": messageId,
      "upstash-retried": "0",
      "upstash-caller-ip": "127.0.0.1",
      "upstash-region": "EU-CENTRAL-1",
      "x-mine": "1",
      authorization: "Bearer theirs",
    });
    expect(got?.headers).not.toHaveProperty("upstash-schedule-id");
    expect(got?.headers).not.toHaveProperty("upstash-topic-name");
  });

  test("publish sends any body, byte for byte, with its method and content type", async () => {
    const body = Buffer.from([0, 255, 254, 10, 13, 0xc3, 0x28, 128]);
    const headers = { "Content-Type": "application/x-thing" };
    await bench.client.publish({
      url: bench.destination.url("raw"),
      body: new Blob([body]),
      headers,
      method: "PUT",
    });
    const [got] = await bench.destination.wait("raw");
    expect(got?.method).toBe("PUT");
    expect(got?.body.equals(body)).toBe(true);
    expect(got?.headers["content-type"]).toBe("application/x-thing");
  });

  test("the Receiver verifies a delivery, its URL and its body", async () => {
    const url = `${bench.destination.url("signed")}/path?q=1`;
    await bench.client.publishJSON({ url, body: { a: 1 } });
    const [got] = await bench.destination.wait("signed");
    const signature = got?.headers["upstash-signature"] ?? "";
    const body = got?.body.toString() ?? "";
    expect(await bench.receiver.verify({ signature, body, url })).toBe(true);
    await expect(bench.receiver.verify({ signature, body: `${body} `, url })).rejects.toThrow(/body/);
    await expect(bench.receiver.verify({ signature, body, url: `${url}2` })).rejects.toThrow();
    const [header = "", claims = ""] = signature
      .split(".")
      .map((part) => Buffer.from(part, "base64url").toString());
    expect(JSON.parse(header)).toEqual({ alg: "HS256", typ: "JWT" });
    expect(JSON.parse(claims)).toMatchObject({
      iss: "Upstash",
      sub: url,
      nbf: 0,
      jti: expect.stringMatching(/^jwt_/),
      body: expect.stringMatching(/^[\w-]{43}=$/),
    });
    expect(JSON.parse(claims).exp - JSON.parse(claims).iat).toBe(300);
  });

  test("an empty body is signed as such", async () => {
    await bench.client.publish({ url: bench.destination.url("empty"), method: "GET" });
    const [got] = await bench.destination.wait("empty");
    expect(got?.method).toBe("GET");
    expect(got?.body.length).toBe(0);
    expect(
      await bench.receiver.verify({ signature: got?.headers["upstash-signature"] ?? "", body: "" }),
    ).toBe(true);
  });

  /** Milliseconds after `due` at which this process, as busy as it is, runs what was meant for then. */
  function ownLateness(due: number): Promise<number> {
    return new Promise((resolve) =>
      setTimeout(() => resolve(Math.max(0, Date.now() - due)), due - Date.now()),
    );
  }

  test("a delayed message comes at its time, within 50 ms", async () => {
    const before = Date.now();
    const { messageId } = await bench.client.publishJSON({ url: bench.destination.url("delay"), delay: 1 });
    const due = (await bench.client.messages.get(messageId)).notBefore ?? 0;
    expect(due).toBeGreaterThanOrEqual(before + 1_000);
    const [[got], lateness] = await Promise.all([bench.destination.wait("delay"), ownLateness(due)]);
    const late = (got?.at ?? 0) - due;
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(lateness + 50);
  });

  test("notBefore is a unix time in seconds, and wins over a delay", async () => {
    const due = Math.floor(Date.now() / 1_000 + 1);
    const url = bench.destination.url("not-before");
    await bench.client.publishJSON({ url, notBefore: due, delay: "1h" });
    const [[got], lateness] = await Promise.all([
      bench.destination.wait("not-before"),
      ownLateness(due * 1_000),
    ]);
    expect(got?.at).toBeGreaterThanOrEqual(due * 1_000);
    expect(got?.at).toBeLessThan(due * 1_000 + lateness + 50);
  });

  test("a batch publishes each message, and an entry that is refused holds its error", async () => {
    const results: unknown = await bench.client.batchJSON([
      { url: bench.destination.url("batch"), body: { n: 1 }, headers: { "X-N": "1" } },
      { url: "ftp://example.com", body: {} },
      { url: bench.destination.url("batch"), body: { n: 2 }, method: "PATCH" },
    ]);
    expect(results).toEqual([
      { messageId: expect.stringMatching(/^msg_/) },
      { error: "invalid destination url: endpoint has invalid scheme, add http:// or https://" },
      { messageId: expect.stringMatching(/^msg_/) },
    ]);
    const got = await bench.destination.wait("batch", 2);
    expect(got.map(({ body }) => body.toString()).sort()).toEqual(['{"n":1}', '{"n":2}']);
    expect(got.find(({ headers }) => headers["x-n"] === "1")?.method).toBe("POST");
    expect(got.find(({ method }) => method === "PATCH")?.body.toString()).toBe('{"n":2}');
  });

  test("deduplication: the second publish answers the first one's id, and nothing is sent", async () => {
    const request = { url: bench.destination.url("dedup"), body: { a: 1 }, deduplicationId: "once" };
    const first = await bench.client.publishJSON(request);
    const second = await bench.client.publishJSON({ ...request, body: { a: 2 } });
    expect(second).toEqual({ messageId: first.messageId, deduplicated: true });
    await bench.client.publishJSON({ ...request, deduplicationId: "twice" });
    const got = await bench.destination.wait("dedup", 2);
    expect(got.map(({ body }) => body.toString())).toEqual(['{"a":1}', '{"a":1}']);
  });
});
