import { expect } from "vitest";
import * as z from "zod";
import { openEngine } from "../../src/local/engine/open.ts";
import { startQStashServer } from "../../src/local/qstash/server.ts";
import { startRedisServer } from "../../src/local/redis/server.ts";
import { Client, eventually, newProject } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import { Redeployment } from "../support/redeployment.ts";
import { QUICK } from "../support/shared-stack.ts";
import type { Backing, Gateway } from "../support/stack.ts";

// Plays the runbooks of docs/operations/rotation.md on a gateway whose Redis and QStash are this test's own.

const keysShape = z.object({ current: z.string(), next: z.string() });
const doctorShape = z.object({ checks: z.array(z.object({ name: z.string(), ok: z.boolean() })) });

test("every value is rotated as its runbook says, and every accepted task ends", {
  timeout: 240_000,
}, async ({ stack }) => {
  const engine = await openEngine(undefined);
  let redis = await startRedisServer({ engine, port: 0, token: "first-redis-token" });
  let queue = await startQStashServer({ engine, port: 0, token: "first-qstash-token" });
  const portOf = ({ url }: { url: string }): number => Number(new URL(url).port);
  let keys: z.output<typeof keysShape> = { current: queue.currentSigningKey, next: queue.nextSigningKey };
  let adminToken = "first-admin-token-of-this-test";
  const gateway = new Redeployment(stack.runtime);
  let key = "";

  /** Deploys with the values as they are now, at the same address. */
  const deploy = (): Promise<Gateway> => {
    const signingKeys = { currentSigningKey: keys.current, nextSigningKey: keys.next };
    const backing: Backing = { redis, qstash: { ...queue, ...signingKeys }, redisServer: undefined };
    const env = { ...QUICK, RINGBACK_SWEEP_INTERVAL: "500ms", RINGBACK_ADMIN_TOKEN: adminToken };
    return gateway.deploy(backing, env);
  };
  const clientOf = ({ url }: Gateway): Client => new Client({ url }, key);
  const submitAndEnd = async (at: Gateway): Promise<void> => {
    const { id } = await clientOf(at).submit({ type: "diagnostics.echo", input: 1 });
    expect(await clientOf(at).ended(id, 60_000)).toMatchObject({ status: "succeeded" });
  };
  const failing = async ({ url }: Gateway): Promise<string[]> => {
    const headers = { authorization: `Bearer ${adminToken}` };
    const report = doctorShape.parse(
      (await new Client({ url }).send("POST", "/admin/doctor", { headers })).json(),
    );
    return report.checks.flatMap(({ name, ok }) => (ok ? [] : [name]));
  };
  const roll = async (): Promise<z.output<typeof keysShape>> => {
    const headers = { authorization: `Bearer ${queue.token}` };
    const answer = await fetch(`${queue.url}/v2/keys/rotate`, { method: "POST", headers });
    return keysShape.parse(await answer.json());
  };

  try {
    let now = await deploy();
    const client = await newProject({ url: now.url, adminToken }, "rotation");
    key = client.authorization.slice("Bearer ".length);
    await submitAndEnd(now);

    // Signing keys: one roll needs no haste.
    const rolled = await roll();
    expect(rolled.current).toBe(keys.next);
    await submitAndEnd(now);
    keys = rolled;
    now = await deploy();
    await submitAndEnd(now);
    expect(await failing(now)).toEqual([]);

    // QStash token: accepted meanwhile, and started after the deploy.
    const port = portOf(queue);
    await queue.close();
    const signingKeys = { current: keys.current, next: keys.next };
    queue = await startQStashServer({ engine, port, token: "second-qstash-token", signingKeys });
    const { id } = await clientOf(now).submit({ type: "diagnostics.echo", input: "kept" });
    expect(await failing(now)).toContain("queue-token");
    now = await deploy();
    expect(await clientOf(now).ended(id, 90_000)).toMatchObject({ status: "succeeded", result: "kept" });
    expect(await failing(now)).not.toContain("queue-token");

    // Redis token: 503 until the deploy, then everything is there.
    await redis.close();
    redis = await startRedisServer({ engine, port: portOf(redis), token: "second-redis-token" });
    const refused = await clientOf(now).send("POST", "/v1/tasks", {
      body: { type: "diagnostics.echo", input: 1 },
    });
    expect([refused.status, refused.problem().code]).toEqual([503, "temporarily-unavailable"]);
    now = await deploy();
    expect(await clientOf(now).task(id)).toMatchObject({ status: "succeeded" });
    await submitAndEnd(now);

    // Admin token: the old one is invalid with the deploy; API keys stay.
    const old = { headers: { authorization: `Bearer ${adminToken}` } };
    adminToken = "second-admin-token-of-this-test";
    now = await deploy();
    expect((await new Client({ url: now.url }).send("GET", "/admin/projects", old)).status).toBe(401);
    await eventually(async () => expect(await failing(now)).toEqual([]), {
      timeoutMs: 70_000,
      everyMs: 2_000,
    });
    await submitAndEnd(now);
  } finally {
    await gateway.stop();
    await queue.close();
    await redis.close();
    await engine.close();
  }
});
