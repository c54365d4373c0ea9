import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openEngine } from "../../src/local/engine/open.ts";
import type { Engine } from "../../src/local/engine.ts";
import type { QStashServer } from "../../src/local/qstash/server.ts";
import { node, type Running, start, startRedis } from "../support/process.ts";
import { clientFor, Destination, NEVER, startBench, until } from "./qstash-harness.ts";

let redis: Awaited<ReturnType<typeof startRedis>>;
let destination: Destination;
const processes: Running[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

beforeEach(async () => {
  destination = await Destination.start();
  const engine = await openEngine(redis.url);
  await engine.call(["FLUSHALL"]);
  await engine.close();
});
afterEach(async () => {
  for (const running of processes.splice(0)) await running.kill();
  await destination.stop();
});

/** The stand-in as a process of its own, as `npm run local:qstash` starts it. */
async function startProcess() {
  const { running, match } = await start({
    command: node,
    args: ["src/local/qstash/main.ts"],
    env: { PORT: "0", REDIS_URL: redis.url },
    ready: /^ready (\{.*\})$/m,
  });
  processes.push(running);
  const address: Omit<QStashServer, "close"> = JSON.parse(match[1] ?? "");
  return { running, address, client: clientFor(address) };
}

const texts = (name: string) => destination.got(name).map(({ body }) => body.toString());

// Processes take seconds to start on a busy machine.
describe("a hard stop loses nothing that Redis keeps", { timeout: 60_000 }, () => {
  test("the ready line names the documented token and keys", async () => {
    const { address, running } = await startProcess();
    expect(address).toEqual({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      token: "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=",
      currentSigningKey: "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
      nextSigningKey: "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
    });
    await running.stop();
    expect(await running.ended).toBe(0);
  });

  test("messages in flight, delayed and retrying are delivered after a kill", async () => {
    const first = await startProcess();
    const { client } = first;
    let isUp = false;
    const hangs = destination.url("in-flight", () => (isUp ? {} : NEVER));
    const inFlight = await client.publish({
      url: hangs,
      body: "in flight",
      headers: { "X-A": "1" },
    });
    const delayed = await client.publish({ url: destination.url("delayed"), body: "delayed", delay: 2 });
    const retrying = destination.url("retrying", (_, index) => (index === 0 ? { status: 500 } : {}));
    const retried = await client.publish({ url: retrying, body: "retry", retryDelay: "2000" });
    const line = destination.url("line", () => (isUp ? {} : NEVER));
    const flowControl = { key: "line", parallelism: 1 };
    for (const body of ["1", "2", "3"]) await client.publish({ url: line, body, flowControl });
    await destination.wait("in-flight");
    await destination.wait("line");
    await destination.wait("retrying");
    const due = (await client.messages.get(delayed.messageId)).notBefore ?? 0;
    await until(async () => {
      const { logs } = await client.logs({ messageIds: [retried.messageId] });
      return logs.some(({ state }) => state === "RETRY") ? true : undefined;
    });

    await first.running.kill();
    isUp = true;
    const second = await startProcess();
    const again = await destination.wait("in-flight", 2);
    expect(again[1]?.headers).toMatchObject({
      "upstash-message-id": inFlight.messageId,
      "upstash-retried": "0",
      "x-a": "1",
    });
    await destination.wait("line", 4);
    expect(texts("line")).toEqual(["1", "1", "2", "3"]);
    const [late] = await destination.wait("delayed", 1);
    expect(late?.at).toBeGreaterThanOrEqual(due);
    expect(texts("delayed")).toEqual(["delayed"]);
    const attempts = await destination.wait("retrying", 2);
    expect(attempts[1]?.headers["upstash-retried"]).toBe("1");
    const { logs } = await second.client.logs({ messageIds: [inFlight.messageId] });
    expect(logs.map(({ state }) => state).reverse()).toEqual(["CREATED", "ACTIVE", "DELIVERED"]);
  });

  test("dead letters, deduplication ids, schedules, limits and keys are still there", async () => {
    const first = await startProcess();
    const url = destination.url("kept", () => ({ status: 500 }));
    const dead = await first.client.publish({
      url,
      retries: 0,
      deduplicationId: "kept",
      body: new Blob([Buffer.of(255)]),
    });
    await until(async () => {
      const { messages } = await first.client.dlq.listMessages();
      return messages.length === 1 ? true : undefined;
    });
    await first.client.schedules.create({
      destination: url,
      cron: "0 0 1 1 *",
      scheduleId: "kept",
      body: "yearly",
    });
    await first.client.publish({ url, delay: "1h", flowControl: { key: "kept", parallelism: 2 } });
    const authorization = { Authorization: `Bearer ${first.address.token}` };
    const rotated = await fetch(`${first.address.url}/v2/keys/rotate`, {
      method: "POST",
      headers: authorization,
    });
    const keys = await rotated.json();
    await first.running.kill();

    const { client, address } = await startProcess();
    const { messages } = await client.dlq.listMessages();
    expect(messages).toMatchObject([{ messageId: dead.messageId, responseStatus: 500, bodyBase64: "/w==" }]);
    const again = await client.publish({ url, deduplicationId: "kept" });
    expect(again).toMatchObject({ messageId: dead.messageId, deduplicated: true });
    expect(await client.schedules.get("kept")).toMatchObject({ cron: "0 0 1 1 *", body: "yearly" });
    expect(await client.flowControl.get("kept")).toMatchObject({ parallelismMax: 2 });
    expect(address).toMatchObject({ currentSigningKey: keys.current, nextSigningKey: keys.next });
  });

  test("whatever was answered is delivered, wherever the kill falls", async () => {
    const accepted = new Set<string>();
    const url = destination.url("stream");
    for (let round = 0; round < 3; round++) {
      const { client, running } = await startProcess();
      let isKilled = false;
      const publishers = Array.from({ length: 8 }, async (_, lane) => {
        for (let n = 0; !isKilled; n++) {
          const body = `${round}-${lane}-${n}`;
          const request = { url, body, ...(n % 5 === 0 ? { delay: "1s" as const } : {}) };
          const isAccepted = await client.publish(request).then(
            () => true,
            (error: unknown) => {
              // A publish that the kill cut off may or may not have been kept.
              if (!isKilled) throw error;
              return false;
            },
          );
          if (isAccepted) accepted.add(body);
        }
      });
      const target = accepted.size + 40 + 7 * round;
      await until(() => (accepted.size >= target ? true : undefined), 30_000);
      isKilled = true;
      await running.kill();
      await Promise.all(publishers);
    }
    await startProcess();
    const missing = () => {
      const got = new Set(texts("stream"));
      return [...accepted].filter((body) => !got.has(body));
    };
    await until(
      () => (missing().length === 0 ? true : undefined),
      10_000,
      () => `lost: ${missing().join(" ")}`,
    );
  });
});

test("while Redis is away nothing is forgotten, and publishers wait", async () => {
  const real = await openEngine(redis.url);
  let isAway = false;
  const engine: Engine = {
    ...real,
    transaction(commands) {
      return isAway ? Promise.reject(new Error("Redis is away")) : real.transaction(commands);
    },
  };
  const complaints: string[] = [];
  const bench = await startBench({ engine, onError: (error) => complaints.push(error.message) });
  const url = bench.destination.url("away");
  await bench.client.publish({ url, body: "before", delay: 1 });
  isAway = true;
  const during = bench.client.publish({ url, body: "during" });
  await bench.destination.wait("away", 1);
  await sleep(50);
  expect(bench.destination.got("away").map(({ body }) => body.toString())).toEqual(["before"]);
  expect(complaints).toContain("Redis is away");
  isAway = false;
  const { messageId } = await during;
  await bench.logs(messageId, "DELIVERED");
  const kept = async () => {
    const keys = await real.call(["KEYS", "qstash-test-*:messages"]);
    return Array.isArray(keys) && keys.length === 0 ? true : undefined;
  };
  await until(kept);
  await bench.stop();
});
