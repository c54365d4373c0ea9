import type { Redis } from "@upstash/redis/cloudflare";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { translateScript } from "../../src/local/redis/scripts.ts";
import { KINDS, plainClient, type StandIn, startStandIn } from "./redis-stand-in.ts";

describe.each(KINDS)("scripts that ask for key locking, on the %s engine", (kind) => {
  let standIn: StandIn;
  let plain: Redis;

  beforeAll(async () => {
    standIn = await startStandIn(kind);
    plain = plainClient(standIn.url);
  });
  afterAll(() => standIn.stop());
  beforeEach(() => standIn.clear());

  const flagged = (source: string, flags = "allow-key-locking") => `#!lua flags=${flags}\n${source}`;
  const refused = (key: string) =>
    `ERR Dynamic keys are not allowed in Lua scripts when 'allow-key-locking' flag is set. Key was: ${key}`;

  test("run by text and by the SHA-1 of that text, until the cache is flushed", async () => {
    const source = flagged("return redis.call('SET', KEYS[1], ARGV[1])");
    const script = plain.createScript<string>(source);
    expect(await script.exec(["k"], ["v"])).toBe("OK");
    expect(await plain.get("k")).toBe("v");
    expect(await plain.evalsha(script.sha1, ["k"], ["w"])).toBe("OK");
    await plain.scriptFlush();
    expect(await plain.scriptExists(script.sha1)).toEqual([0]);
    await expect(plain.evalsha(script.sha1, ["k"], ["x"])).rejects.toThrow(/^NOSCRIPT/);
    expect(await plain.scriptLoad(source)).toBe(script.sha1);
    expect(await plain.scriptExists(script.sha1)).toEqual([1]);
    expect(await plain.evalsha(script.sha1, ["k"], ["y"])).toBe("OK");
  });

  test.each([
    ["HSET", "redis.call('HSET', KEYS[1] .. 'x', 'f', 'v')", "kx"],
    ["lower case", "redis.call('get', 'other')", "other"],
    ["a key among declared ones", "redis.call('DEL', KEYS[1], 'third')", "third"],
    ["every second word", "redis.call('MSET', KEYS[1], 'other', 'm', '1')", "m"],
    ["a destination", "redis.call('ZUNIONSTORE', 'to', 1, KEYS[1])", "to"],
    ["counted keys", "redis.call('ZUNIONSTORE', KEYS[1], 2, KEYS[1], 'from')", "from"],
    ["a number", "redis.call('GET', 7)", "7"],
    ["flushing", "redis.call('FLUSHALL')", "FLUSHALL"],
  ])("are refused a key they did not declare: %s", async (_, source, key) => {
    await expect(plain.eval(flagged(source), ["k"], [])).rejects.toThrow(refused(key));
    expect(
      await plain.eval(flagged(source.replace("redis.call", "return redis.pcall")), ["k"], []).catch(String),
    ).toContain(refused(key));
  });

  test("may use every declared key, keyless commands, and name keys freely without the flag", async () => {
    const source = `redis.call('MSET', KEYS[1], '1', KEYS[2], '2') redis.call('PUBLISH', 'c', 'm')
      return {#redis.call('TIME'), redis.call('DEL', KEYS[1], KEYS[2])}`;
    expect(await plain.eval(flagged(source), ["a", "b"], [])).toEqual([2, 2]);
    expect(await plain.eval("return redis.call('SET', 'undeclared', '1')", [], [])).toBe("OK");
  });

  test("keep their other flags and their line numbers", async () => {
    const writes = flagged("return 1", "no-writes,allow-key-locking");
    expect(translateScript(writes)).toMatch(/^#!lua flags=no-writes\n/);
    expect(await plain.eval(writes, [], [])).toBe(1);
    await expect(plain.eval(flagged("\nerror('here')"), [], [])).rejects.toThrow(/user_script:3: here/);
    await expect(plain.eval(`\n${flagged("return 1")}`, [], [])).rejects.toThrow(/^ERR Error compiling/);
  });
});
