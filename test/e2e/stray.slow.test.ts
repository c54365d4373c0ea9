import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject } from "vitest";
import * as z from "zod";
import { END } from "../../src/adapters/redis/tasks/end.ts";
import { type Client, eventually, newProject } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import { FaultProxy, runs } from "../support/proxy.ts";
import { startBacking } from "../support/stack.ts";
import { type StrayDeployment, startStray } from "../support/stray-deployment.ts";
import { sweepNow } from "../support/waiting.ts";

// What one handler leaves behind, or one failure in the background, never takes the others down.

const line = z.looseObject({
  event: z.string(),
  error: z.string(),
  attempts: z.array(z.object({ task: z.string(), run: z.number(), attempt: z.number() })),
});

/** The stray errors that a deployment has logged. */
function strays(deployment: StrayDeployment) {
  return deployment
    .output()
    .split("\n")
    .filter((text) => text.includes('"event":"stray-error"'))
    .map((text) => line.parse(JSON.parse(text)));
}

describe("a handler that leaves something behind", () => {
  let deployment: StrayDeployment;
  let client: Client;
  beforeAll(async () => {
    const { runtime, backing } = inject("stack");
    deployment = await startStray(runtime, backing);
    client = await newProject(deployment, `stray-${crypto.randomUUID()}`);
  });
  afterAll(() => deployment?.stop());

  test.for([
    ["a rejection that nobody awaits", "stray.rejection", "nobody awaits it"],
    ["a throw in its timer", "stray.timer", "thrown in a timer"],
    ["a fetch that the end of its attempt aborts", "stray.fetch", "The attempt is over"],
  ] as const)("%s: others go on, and it is reported once", async ([, type, message], { receiver }) => {
    const { runtime } = inject("combination");
    const steady = await client.submit({ type: "stray.steady", input: {} });
    const hanging = receiver.open([{ hang: true }]);
    const { id } = await client.submit({ type, input: { url: hanging.url } });
    expect((await client.ended(id)).status).toBe("succeeded");
    expect(await client.ended(steady.id)).toMatchObject({ status: "succeeded", attempt: 1, result: "done" });
    expect((await client.send("GET", "/healthz")).status).toBe(200);
    if (runtime !== "deno") return; // elsewhere the runtime itself lives on and reports
    const mine = strays(deployment).filter(
      ({ error, attempts }) => error.includes(message) && attempts.some(({ task }) => task === id),
    );
    expect(mine).toHaveLength(1);
    expect(mine[0]?.error).toMatch(/\n +at /); // its stack
    expect(mine[0]?.attempts).toContainEqual({ task: id, run: 1, attempt: 1 });
  });
});

test("Redis is away as the sweep ends a task: the process lives, and the task ends later", async () => {
  const { runtime, redisKind } = inject("combination");
  const { stop, ...backing } = await startBacking(redisKind);
  const redis = await FaultProxy.start(backing.redis.url);
  const qstash = await FaultProxy.start(backing.qstash.url);
  const deployment = await startStray(runtime, backing, { redisUrl: redis.url, qstashUrl: qstash.url });
  try {
    const client = await newProject(deployment, `outage-${crypto.randomUUID()}`);
    qstash.faults = { request: () => "cut" };
    let refused = 0;
    redis.faults = {
      request: (passing) => {
        if (!runs(passing, END.lua)) return "pass";
        refused += 1;
        return "cut";
      },
    };
    const { id } = await client.submit({ type: "stray.steady", input: {}, deadline: "2s" });
    await sleep(2_500); // its deadline
    // The Deno process sweeps by itself; the bare Worker has no cron.
    const swept = runtime === "deno" ? undefined : sweepNow({ gateway: deployment, backing });
    if (runtime === "deno") {
      await eventually(() => expect(deployment.output()).toContain("sweep-entry-failed"));
    }
    await swept;
    expect(refused).toBeGreaterThan(1);
    redis.faults = {};
    expect((await client.send("GET", "/healthz")).status).toBe(200);
    // The Deno process looks again 30 s after the first time.
    if (runtime === "deno") expect((await client.ended(id, 45_000)).status).toBe("expired");
  } finally {
    await Promise.all([deployment.stop(), redis.stop(), qstash.stop()]);
    await stop();
  }
});
