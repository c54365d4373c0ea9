import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Client, eventually, newProject } from "../support/client.ts";
import { FaultProxy, type Verdict } from "../support/proxy.ts";
import { QUICK } from "../support/shared-stack.ts";
import { type Backing, type Gateway, startBacking, startGateway } from "../support/stack.ts";

// What the services do wrong stands in the log as lines of JSON; no client library writes lines of its own among them.

let backing: Backing & { stop(): Promise<void> };
let qstash: FaultProxy;
let redis: FaultProxy;
let gateway: Gateway;
let client: Client;
beforeAll(async () => {
  const { runtime, redisKind } = inject("stack");
  backing = await startBacking(redisKind);
  qstash = await FaultProxy.start(backing.qstash.url);
  redis = await FaultProxy.start(backing.redis.url);
  gateway = await startGateway(runtime, backing, {
    qstashUrl: qstash.url,
    redisUrl: redis.url,
    env: {
      ...QUICK,
      RINGBACK_SERVICES: JSON.stringify([
        { name: "shop", baseUrl: "http://127.0.0.1:9", paths: ["/v1/"], retries: 0 },
      ]),
    },
  });
  client = await newProject(gateway, "log-lines");
  await eventually(() => expect(gateway.running.output()).toContain("groupBy"));
});
afterAll(async () => {
  await gateway?.running.stop();
  await Promise.all([qstash?.stop(), redis?.stop()]);
  await backing?.stop();
});

/** Everything that was printed meanwhile, line by line, read as JSON. */
async function linesOf(work: (before: number) => Promise<unknown>): Promise<{ event?: unknown }[]> {
  const before = gateway.running.output().length;
  await work(before);
  return gateway.running
    .output()
    .slice(before)
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^[}']/.test(line)) // the end of the curl to try
    .map((line) => {
      try {
        return JSON.parse(line);
      } catch (cause) {
        throw new Error(`not a line of JSON: ${line}`, { cause });
      }
    });
}

const VERDICTS: readonly (readonly [string, Verdict])[] = [
  ["an error of its own", { status: 500, body: '{"error":"internal"}' }],
  ["too many requests", { status: 429, body: '{"error":"rate limited"}' }],
  ["a token that it does not take", { status: 401, body: '{"error":"unauthorized"}' }],
  ["no such thing", { status: 404, body: '{"error":"not found"}' }],
  ["no JSON", { status: 200, body: "<html>" }],
  ["a cut connection", "cut"],
];

describe("only lines of JSON", { concurrent: false }, () => {
  test.for(VERDICTS)("QStash answers with %s", async ([, verdict]) => {
    qstash.faults = { request: () => verdict };
    const lines = await linesOf(async (before) => {
      const own = await client.submit({ type: "diagnostics.echo", input: 1 });
      const called = await client.submit({
        type: "http.request",
        input: { service: "shop", path: "/v1/orders", method: "GET" },
      });
      await fetch(`${gateway.url}/admin/doctor`, {
        method: "POST",
        headers: { authorization: `Bearer ${gateway.adminToken}` },
      });
      for (const { id } of [own, called]) await client.send("POST", `/v1/tasks/${id}/cancel`);
      await eventually(() => expect(gateway.running.output().slice(before)).toContain("publish-failed"));
    });
    qstash.faults = {};
    for (const line of lines)
      expect(line).toMatchObject({
        time: expect.any(String),
        level: expect.any(String),
        event: expect.any(String),
      });
  });

  test("Redis cuts a subscription, and refuses the next", async () => {
    qstash.faults = { request: () => "cut" };
    const lines = await linesOf(async () => {
      const { id } = await client.submit({ type: "diagnostics.echo", input: 1, delay: "1h" });
      const waiting = client.send("GET", `/v1/tasks/${id}`, { headers: { prefer: "wait=4" } });
      await eventually(() => expect(redis.streams.size).toBeGreaterThan(0));
      redis.faults = {
        request: ({ path }) => (path.startsWith("/subscribe/") ? { status: 500, body: "<html>" } : "pass"),
      };
      for (const stream of redis.streams) stream.destroy();
      expect((await waiting).status).toBeLessThan(300);
    });
    redis.faults = {};
    qstash.faults = {};
    for (const line of lines)
      expect(line).toMatchObject({
        time: expect.any(String),
        level: expect.any(String),
        event: expect.any(String),
      });
  });
});
