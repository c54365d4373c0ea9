import { Redis } from "@upstash/redis/cloudflare";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openEngine } from "../../src/local/engine/open.ts";
import { startRedisServer } from "../../src/local/redis/server.ts";
import { startRedis } from "../support/process.ts";
import { KINDS, plainClient, type StandIn, startStandIn, TOKEN } from "./redis-stand-in.ts";

describe.each(KINDS)("the Redis stand-in over the %s engine", (kind) => {
  let standIn: StandIn;
  let redis: Redis;
  let plain: Redis;

  beforeAll(async () => {
    standIn = await startStandIn(kind);
    redis = new Redis({ url: standIn.url, token: TOKEN, enableTelemetry: false });
    plain = plainClient(standIn.url);
  });
  afterAll(() => standIn.stop());
  beforeEach(() => standIn.clear());

  interface Asked {
    method?: string;
    headers?: Record<string, string>;
    body?: unknown;
  }
  const ask = (path: string, { method = "POST", headers = {}, body }: Asked = {}) =>
    fetch(standIn.url + path, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
      body: body === undefined || typeof body === "string" ? (body ?? null) : JSON.stringify(body),
    });

  describe("the official SDK", () => {
    test("reads what it wrote, with its defaults (pipelines, base64, JSON)", async () => {
      await redis.set("greeting", { text: "grüß dich", n: 1 }, { ex: 60 });
      expect(await redis.get("greeting")).toEqual({ text: "grüß dich", n: 1 });
      expect(await redis.ttl("greeting")).toBe(60);
      await redis.hset("h", { a: 1, b: "two" });
      expect(await redis.hgetall("h")).toEqual({ a: 1, b: "two" });
      expect(await redis.zadd("z", { score: 1, member: "a" }, { score: 2, member: "b" })).toBe(2);
      expect(await redis.zrange("z", 0, 5, { byScore: true, withScores: true })).toEqual(["a", 1, "b", 2]);
      expect(await redis.lpush("l", "x", "y")).toBe(2);
      expect(await redis.lrange("l", 0, -1)).toEqual(["y", "x"]);
      expect(await redis.get("none")).toBeNull();
      expect(await Promise.all([redis.incr("n"), redis.incr("n"), redis.incr("n")])).toEqual([1, 2, 3]);
    });

    test("gets strings unchanged without deserialization and auto-pipelining", async () => {
      expect(await plain.set("s", "007")).toBe("OK");
      expect(await plain.get("s")).toBe("007");
      await plain.set("ok", "OK");
      expect(await plain.get("ok")).toBe("OK");
      await plain.hset("h", { a: "1" });
      expect(await plain.hgetall("h")).toEqual(["a", "1"]);
      expect(await plain.ping()).toBe("PONG");
      expect(await plain.eval("return {'a', 'OK', 3}", [], [])).toEqual(["a", "OK", 3]);
    });

    test("a pipeline keeps the other results beside an error", async () => {
      const results = await plain.pipeline().set("s", "v").hget("s", "f").get("s").exec({ keepErrors: true });
      expect(results.map(({ result }) => result)).toEqual(["OK", undefined, "v"]);
      expect(results[1]?.error).toMatch(/^WRONGTYPE/);
    });

    test("a transaction runs whole, or is discarded with one error", async () => {
      expect(await redis.multi().set("t", "1").incr("t").exec()).toEqual(["OK", 2]);
      const broken = ask("/multi-exec", { body: [["SET", "t", "9"], ["GET"]] });
      expect((await broken).status).toBe(400);
      expect(await (await broken).json()).toEqual({ error: expect.stringMatching(/^EXECABORT/) });
      expect(await redis.get("t")).toBe(2);
    });

    test("errors name what was wrong", async () => {
      await plain.set("s", "v");
      await expect(plain.hget("s", "f")).rejects.toThrow(/^WRONGTYPE .*command was/);
      await expect(redis.hget("s", "f")).rejects.toThrow(/^Command failed: WRONGTYPE/);
      const stranger = new Redis({ url: standIn.url, token: "wrong", enableTelemetry: false });
      await expect(stranger.get("s")).rejects.toThrow("WRONGPASS invalid or missing auth token");
    });

    test("a script runs by its SHA-1 once it is known, and is forgotten by SCRIPT FLUSH", async () => {
      const script = redis.createScript<string>("return ARGV[1] .. KEYS[1]");
      expect(await script.exec(["k"], ["a"])).toBe("ak");
      expect(await script.exec(["k"], ["b"])).toBe("bk");
      await redis.scriptFlush();
      await expect(plain.evalsha(script.sha1, ["k"], ["c"])).rejects.toThrow(/^NOSCRIPT/);
    });

    test("messages of a channel arrive as server-sent events", async () => {
      const subscriber = redis.subscribe<string>("news");
      const heard: string[] = [];
      const subscribed = new Promise((resolve) => subscriber.on("subscribe", resolve));
      subscriber.on("message", ({ message }) => heard.push(message));
      await subscribed;
      expect(await redis.publish("news", "first, with a comma")).toBe(1);
      await expect.poll(() => heard).toEqual(["first, with a comma"]);
      await subscriber.unsubscribe();
      await expect.poll(() => redis.publish("news", "nobody")).toBe(0);
    });
  });

  describe("the REST protocol", () => {
    test("a command is a JSON array, or a path with options in the query", async () => {
      expect(await (await ask("/", { body: ["SET", "n", 5, "EX", 100] })).json()).toEqual({ result: "OK" });
      expect(await (await ask("/get/n", { method: "GET" })).json()).toEqual({ result: "5" });
      await ask("/set/p%2Fq?EX=100", { body: "a body" });
      expect(await (await ask("/get/p%2Fq", { method: "GET" })).json()).toEqual({ result: "a body" });
      expect(await plain.ttl("p/q")).toBe(100);
      await ask("/set/put", { method: "PUT", body: "v" });
      expect(await plain.get("put")).toBe("v");
      const head = await ask("/get/n", { method: "HEAD" });
      expect([head.status, await head.text()]).toEqual([200, ""]);
      expect((await ask("/get/n", { method: "DELETE" })).status).toBe(405);
    });

    test("the token stands in the header or in the query; without it: 401", async () => {
      const bare = { headers: { authorization: "" }, method: "GET" };
      expect((await ask(`/ping?_token=${TOKEN}`, bare)).status).toBe(200);
      const refused = await ask("/ping", bare);
      expect(refused.status).toBe(401);
      expect(await refused.json()).toEqual({ error: "WRONGPASS invalid or missing auth token" });
      expect((await ask("/ping?_token=other", bare)).status).toBe(401);
    });

    test("a failing command answers 400, in a pipeline its own error with 200", async () => {
      const unknown = await ask("/", { body: ["NOPE"] });
      expect(unknown.status).toBe(400);
      expect(await unknown.json()).toEqual({ error: expect.stringMatching(/^ERR unknown command/) });
      expect((await ask("/", { body: "no json" })).status).toBe(400);
      expect((await ask("/", { body: [] })).status).toBe(400);
      const pipeline = await ask("/pipeline", { body: [["SET", "a", "b"], ["NOPE"], ["GET", "a"]] });
      expect(pipeline.status).toBe(200);
      expect(await pipeline.json()).toEqual([
        { result: "OK" },
        { error: expect.stringMatching(/^ERR unknown/) },
        { result: "b" },
      ]);
    });

    test("base64 encodes every string at every depth, but not the status OK", async () => {
      const headers = { "upstash-encoding": "base64" };
      await plain.set("ok", "OK");
      const of = async (...command: string[]) => (await ask("/", { headers, body: command })).json();
      expect(await of("SET", "k", "v")).toEqual({ result: "OK" });
      expect(await of("GET", "ok")).toEqual({ result: "T0s=" });
      expect(await of("PING")).toEqual({ result: btoa("PONG") });
      expect(await of("EVAL", "return {'a', {'b', 1, false}, redis.status_reply('OK')}", "0")).toEqual({
        result: [btoa("a"), [btoa("b"), 1, null], btoa("OK")],
      });
      expect(await of("NOPE")).toEqual({ error: expect.stringMatching(/^ERR unknown/) });
    });

    test("resp2 gives the reply as Redis wrote it", async () => {
      const headers = { "upstash-response-format": "resp2" };
      const of = async (...command: string[]) => (await ask("/", { headers, body: command })).text();
      expect(await of("SET", "k", "vé")).toBe("+OK\r\n");
      expect(await of("GET", "k")).toBe("$3\r\nvé\r\n");
      expect(await of("MGET", "k", "none")).toBe("*2\r\n$3\r\nvé\r\n$-1\r\n");
      expect(await of("EXISTS", "k")).toBe(":1\r\n");
      expect(await of("NOPE")).toMatch(/^-ERR unknown command/);
      expect((await ask("/multi-exec", { headers, body: [["PING"]] })).status).toBe(400);
      const both = { ...headers, "upstash-encoding": "base64" };
      expect((await ask("/", { headers: both, body: ["PING"] })).status).toBe(400);
    });

    test("every response has a sync token of its own", async () => {
      const tokens = new Set<string | null>();
      for (let i = 0; i < 3; i++) tokens.add((await ask("/ping")).headers.get("upstash-sync-token"));
      expect(tokens.size).toBe(3);
      expect(tokens).not.toContain(null);
    });

    test("what Upstash does not offer over REST is refused; COMMAND is empty", async () => {
      for (const command of [
        "BLPOP l 0",
        "WATCH k",
        "MULTI",
        "SELECT 1",
        "CLIENT LIST",
        "XREAD BLOCK 0 STREAMS s $",
      ]) {
        const refused = await ask("/", { body: command.split(" ") });
        expect([command, refused.status]).toEqual([command, 400]);
        expect(await refused.json()).toEqual({
          error: expect.stringMatching(/^ERR Command is not available/),
        });
      }
      const discarded = await ask("/multi-exec", {
        body: [
          ["SET", "k", "v"],
          ["WATCH", "k"],
        ],
      });
      expect(discarded.status).toBe(400);
      expect(await plain.get("k")).toBeNull();
      expect(await (await ask("/", { body: ["COMMAND"] })).json()).toEqual({ result: [] });
    });

    test("keys, requests and records have their limits", async () => {
      const key = await ask("/", { body: ["SET", "k".repeat(32 * 1024 + 1), "v"] });
      expect(key.status).toBe(400);
      expect(await key.json()).toEqual({
        error: "ERR max key size exceeded. Limit: 32768 bytes, Actual: 32769 bytes",
      });
      const request = await ask("/", { body: ["SET", "k", "v".repeat(10 * 1024 * 1024)] });
      expect(request.status).toBe(400);
      expect(await request.json()).toEqual({
        error: expect.stringMatching(/^ERR max request size exceeded/),
      });
      await standIn.engine.call(["SET", "big", Buffer.alloc(99 * 1024 * 1024)]);
      const record = await ask("/", { body: ["APPEND", "big", "v".repeat(2 * 1024 * 1024)] });
      expect(await record.json()).toEqual({ error: "ERR max single record size exceeded" });
    });
  });
});

test("an engine that does not answer is a 503, and the port a caller asked for is the caller's", async () => {
  const real = await startRedis();
  const engine = await openEngine(real.url);
  const server = await startRedisServer({ engine, port: 0, token: TOKEN });
  await expect(
    startRedisServer({ engine, port: Number(new URL(server.url).port), token: TOKEN }),
  ).rejects.toThrow("EADDRINUSE");
  await real.stop();
  const answer = await fetch(`${server.url}/ping?_token=${TOKEN}`);
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ error: expect.stringMatching(/^ERR the engine does not answer/) });
  await server.close();
  await engine.close();
});
