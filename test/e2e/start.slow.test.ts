import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Client, eventually } from "../support/client.ts";
import { freePort, startRedis } from "../support/process.ts";
import { Receiver, verified } from "../support/receiver.ts";
import { type Gateway, startAll } from "../support/stack.ts";

// One command, everything inside it, as a newcomer has it.

const { runtime, redisKind } = inject("stack");

let receiver: Receiver;
let redis: Awaited<ReturnType<typeof startRedis>> | undefined;
const started: Gateway[] = [];
beforeAll(async () => {
  receiver = await Receiver.start();
  if (redisKind === "real") redis = await startRedis({ appendOnly: true });
});
afterAll(async () => {
  for (const gateway of started) await gateway.running.kill();
  await redis?.stop();
  await receiver?.stop();
});

async function start(env: Record<string, string> = {}): Promise<Gateway> {
  const gateway = await startAll(runtime, { ...(redis ? { REDIS_URL: redis.url } : {}), ...env });
  started.push(gateway);
  return gateway;
}

describe("npm start", { concurrent: false }, () => {
  test("takes tasks once it says ready, calls back, and ends with all that it started", async () => {
    const gateway = await start();
    expect(gateway.runtime).toBe(runtime);
    expect(gateway.redis).toBe(redis ? redis.url : "embedded");
    await eventually(() => {
      expect(gateway.running.output()).toMatch(/curl .*\/v1\/tasks/);
    });
    const client = new Client(gateway, gateway.apiKey);
    const inbox = receiver.open();
    const { id } = await client.submit({
      type: "diagnostics.echo",
      input: "hello",
      callbackUrl: inbox.url,
    });
    const [callback] = await inbox.wait(1);
    expect(verified(callback, await client.signingSecret())).toMatchObject({
      type: "task.succeeded",
      data: { id, result: "hello" },
    });
    const begin = Date.now();
    await gateway.running.stop();
    expect(await gateway.running.ended).toBe(0);
    expect(Date.now() - begin).toBeLessThan(5_000);
    await expect(fetch(gateway.url)).rejects.toThrow();
  });

  test("two of them run side by side", async () => {
    const [one, two] = await Promise.all([start(), start()]);
    for (const gateway of [one, two]) {
      const client = new Client(gateway, gateway.apiKey);
      const { id } = await client.submit({ type: "diagnostics.echo", input: gateway.url });
      expect(await client.ended(id)).toMatchObject({ result: gateway.url });
    }
    await Promise.all([one.running.stop(), two.running.stop()]);
  });

  // The embedded engine lives and dies with its process; what must outlive it needs a real Redis.
  if (redisKind === "real") {
    test("killed and started again on the same Redis, it still knows its tasks and their start", async () => {
      const port = `${await freePort()}`;
      const first = await start({ PORT: port });
      const inbox = receiver.open();
      const client = new Client(first, first.apiKey);
      const { id } = await client.submit({
        type: "diagnostics.echo",
        input: "kept",
        delay: "12s",
        callbackUrl: inbox.url,
      });
      await sleep(1_000); // QStash has it; what happens before that is told by never-lost.slow.test.ts
      await first.running.kill();
      const second = await start({ PORT: port });
      const again = new Client(second, second.apiKey);
      expect((await again.task(id)).id).toBe(id); // the same project, whichever key
      await inbox.wait(1, 30_000);
      expect(await again.settled(id)).toMatchObject({ status: "delivered" });
      const { createdAt, startedAt } = await again.task(id);
      const waited = Date.parse(startedAt ?? "") - Date.parse(createdAt);
      expect(waited).toBeGreaterThanOrEqual(11_000); // a message may come a second early
      await second.running.stop();
    });
  }

  test("a bad value stops the start and names the variable", async () => {
    await expect(start({ RINGBACK_RETRY_SCHEDULE: "5s,soon" })).rejects.toThrow("RINGBACK_RETRY_SCHEDULE");
    await expect(start({ RINGBACK_MAX_OPEN: "many" })).rejects.toThrow("RINGBACK_MAX_OPEN");
  });
});
