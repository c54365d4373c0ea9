import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEngine } from "../../src/local/engine/open.ts";
import { type Engine, type Reply, ReplyError, SimpleString } from "../../src/local/engine.ts";
import { startRedis } from "../support/process.ts";
import { SCRIPTS, STORIES } from "./engine-stories.ts";

const show = (reply: Reply): unknown => {
  if (Buffer.isBuffer(reply)) return reply.toString("latin1");
  if (Array.isArray(reply)) return reply.map(show);
  if (reply instanceof ReplyError) return { error: reply.message };
  return reply instanceof SimpleString ? { status: reply.text } : reply;
};

const engines: Engine[] = [];
let redis: Awaited<ReturnType<typeof startRedis>>;

beforeAll(async () => {
  redis = await startRedis();
  engines.push(await openEngine(), await openEngine(redis.url));
});

afterAll(async () => {
  for (const engine of engines) await engine.close();
  await redis.stop();
});

/** Runs on both engines and asserts that they answered alike. */
async function onBoth<T>(run: (engine: Engine) => Promise<T>): Promise<T> {
  const [embedded, real] = [await run(engines[0] as Engine), await run(engines[1] as Engine)];
  expect(embedded).toEqual(real);
  return embedded;
}

describe("the embedded engine answers as Redis does", () => {
  for (const [name, commands] of Object.entries(STORIES))
    test(name, async () => {
      await onBoth((engine) => engine.call(["FLUSHALL"]).then(show));
      for (const command of commands) {
        const sorted = /^(KEYS|SCAN|SINTER|SDIFF)/.test(command);
        await onBoth(async (engine) => {
          const reply = show(await engine.call(command.split(" ")));
          return [command, sorted && Array.isArray(reply) ? reply.flat().sort() : reply];
        });
      }
    });

  for (const [name, source] of Object.entries(SCRIPTS))
    test(`script: ${name}`, async () => {
      await onBoth(async (engine) => {
        await engine.call(["FLUSHALL"]);
        await engine.call(["SET", "bytes", Buffer.from([255, 0, 1])]);
        await engine.call(["SET", "s", "v"]);
        return show(await engine.call(["EVAL", source, "1", "key", "argument"]));
      });
    });

  test("EVALSHA, SCRIPT LOAD, EXISTS and FLUSH", async () => {
    const source = "return ARGV[1]";
    await onBoth(async (engine) => {
      const sha = show(await engine.call(["SCRIPT", "LOAD", source])) as string; // a SHA-1 is a bulk string
      const replies: Reply[] = [];
      for (const command of [
        ["EVALSHA", sha, "0", "a"],
        ["SCRIPT", "EXISTS", sha, "0".repeat(40)],
        ["SCRIPT", "FLUSH"],
        ["EVALSHA", sha, "0", "a"],
        ["EVAL", source, "0", "b"],
        ["EVALSHA", sha.toUpperCase(), "0", "c"],
        ["EVAL", source, "2", "one"],
        ["EVAL", source, "x"],
        ["EVAL", "#!lua flags=allow-key-locking\nreturn 1", "0"],
        ["EVAL", "#!lua flags=no-writes\nreturn 1", "0"],
      ])
        replies.push(await engine.call(command));
      return [sha, ...replies.map(show)];
    });
  });

  test("a transaction runs whole, or not at all when a command is malformed", async () => {
    await onBoth(async (engine) => {
      await engine.call(["DEL", "k"]);
      const done = await engine.transaction([
        ["SET", "k", "v"],
        ["HGET", "k", "f"],
        ["GET", "k"],
      ]);
      const refused = await engine.transaction([["SET", "k", "w"], ["GET"]]);
      return [
        Array.isArray(done) ? done.map(show) : done,
        show(refused as Reply),
        show(await engine.call(["GET", "k"])),
      ];
    });
  });

  test("messages reach the subscribers of a channel as bytes, and end with the subscription", async () => {
    for (const engine of engines) {
      const heard: Buffer[] = [];
      const end = await engine.subscribe("news", (message) => heard.push(message));
      expect(await engine.call(["PUBLISH", "news", Buffer.from([255, 1])])).toBe(1);
      await expect.poll(() => heard).toEqual([Buffer.from([255, 1])]);
      await end();
      expect(await engine.call(["PUBLISH", "news", "later"])).toBe(0);
    }
  });
});

test("a key is gone when its time is up", async () => {
  for (const engine of engines) {
    await engine.call(["SET", "short", "v", "PX", "60"]);
    expect(await engine.call(["EXISTS", "short"])).toBe(1);
    await expect.poll(() => engine.call(["EXISTS", "short"])).toBe(0);
    expect(await engine.call(["PTTL", "short"])).toBe(-2);
  }
});

test("the embedded clock never goes back, in scripts neither", async () => {
  const engine = engines[0] as Engine;
  let last = 0;
  for (let i = 0; i < 500; i++) {
    const command = i % 2 ? ["TIME"] : ["EVAL", "return redis.call('TIME')", "0"];
    const [seconds, micros] = show(await engine.call(command)) as [string, string]; // TIME is a pair of bulks
    const now = Number(seconds) * 1e6 + Number(micros);
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
  }
  expect(Math.abs(last / 1000 - Date.now())).toBeLessThan(60_000);
});

test("the embedded engine runs a thousand scripts of eight commands", async () => {
  const engine = engines[0] as Engine;
  const source = `redis.call('HGETALL', KEYS[1])
    redis.call('HSET', KEYS[1], 'a', ARGV[1], 'b', '2', 'c', '3')
    redis.call('ZADD', KEYS[2], ARGV[1], ARGV[2])
    redis.call('PEXPIRE', KEYS[1], 100000)
    redis.call('SET', KEYS[3], 'v', 'PX', 1000)
    redis.call('TIME')
    redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '+inf', 'LIMIT', 0, 10)
    return redis.call('ZCARD', KEYS[2])`;
  let size: Reply = null;
  for (let i = 0; i < 1000; i++)
    size = await engine.call(["EVAL", source, "3", `h${i}`, "due", `s${i}`, `${i}`, `m${i}`]);
  expect(size).toBe(1000);
});

test("a real server that comes back is used again", async () => {
  const server = await startRedis();
  const engine = await openEngine(server.url);
  await engine.call(["SET", "k", "v"]);
  const kills = engine.call(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"]);
  await kills.catch((error: unknown) => expect(error).toBeInstanceOf(Error));
  await expect.poll(() => engine.call(["GET", "k"]).then(show, () => "away")).toBe("v");
  await engine.close();
  await server.stop();
});
