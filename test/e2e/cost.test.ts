import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { median } from "../../bench/statistics.ts";
import { type FaultyGateway, startFaulty } from "../support/faulty-gateway.ts";
import { Receiver } from "../support/receiver.ts";
import { type Backing, startBacking } from "../support/stack.ts";

// A stack of its own, with nothing else on it; QStash keeps its messages elsewhere, so that what is counted in Redis is
// the gateway's alone.

const TASKS = 10;
const BUDGET = { redisRequests: 4, qstashMessages: 1, commands: 28 };

let backing: Backing & { stop(): Promise<void> };
let faulty: FaultyGateway;
let receiver: Receiver;
beforeAll(async () => {
  backing = await startBacking(inject("stack").redisKind, { apart: true });
  faulty = await startFaulty(inject("stack").runtime, backing);
  receiver = await Receiver.start();
});
afterAll(async () => {
  await faulty?.stop();
  await receiver?.stop();
  await backing?.stop();
});

/** Happy tasks one after the other, each with an idempotency key and one callback; nothing else is asked meanwhile. */
async function happyTasks(count: number): Promise<void> {
  const inbox = receiver.open();
  for (let n = 1; n <= count; n++) {
    await faulty.client.submit(
      {
        type: "diagnostics.echo",
        input: { order: n },
        callbackUrl: inbox.url,
        metadata: { orderId: `o-${n}` },
      },
      { "idempotency-key": crypto.randomUUID() },
    );
    await inbox.wait(n);
  }
  await faulty.redis.quiet(); // the last one's record
}

/** Commands that Redis has run until now, those inside scripts each counted, as Upstash bills them. */
async function commandsRun(redis: Redis): Promise<number> {
  const stats = await redis.info("commandstats");
  return [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)]
    .filter(([, name]) => name !== "info" && !name?.startsWith("config") && !name?.startsWith("client"))
    .reduce((sum, [, , calls]) => sum + Number(calls), 0);
}

describe("invariant 7: what a happy task costs", { concurrent: false }, () => {
  test("4 Redis requests and 1 QStash message at most", async () => {
    await happyTasks(3); // scripts are loaded, caches warm
    const before = { redis: faulty.redis.passed.length, qstash: faulty.qstash.passed.length };
    await happyTasks(TASKS);
    const redis = faulty.redis.passed.length - before.redis;
    const qstash = faulty.qstash.passed.length - before.qstash;
    expect(redis).toBeLessThanOrEqual(TASKS * BUDGET.redisRequests);
    expect(redis).toBeGreaterThanOrEqual(TASKS * 2); // the proxy does lie on the way
    expect(qstash).toBe(TASKS * BUDGET.qstashMessages);
  });

  // The embedded engine keeps no such statistics; the scripts that it runs are the same.
  if (inject("stack").redisKind === "real") {
    test("28 commands inside the scripts at most, EVALSHA and TIME included", async () => {
      const redis = new Redis(backing.redisServer ?? "");
      try {
        await happyTasks(3);
        const counts: number[] = [];
        for (let round = 0; round < 3; round++) {
          const before = await commandsRun(redis);
          await happyTasks(TASKS);
          counts.push(((await commandsRun(redis)) - before) / TASKS);
        }
        const each = median(counts); // the first task of an hour has a few more
        expect(each).toBeLessThanOrEqual(BUDGET.commands);
        expect(each).toBeGreaterThanOrEqual(8); // four scripts do run there
      } finally {
        redis.disconnect();
      }
    });
  }
});
