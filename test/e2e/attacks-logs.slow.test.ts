import { expect } from "vitest";
import { Client, eventually, newProject } from "../support/client.ts";
import { verifiedEndpoint } from "../support/endpoints.ts";
import { test } from "../support/fixture.ts";
import { QUICK } from "../support/shared-stack.ts";
import { startBacking, startGateway } from "../support/stack.ts";

const MASTER = "canary-master-secret-of-this-test";
const ADMIN = "canary-admin-token-of-this-test-only";
const INPUT = "canary-of-the-input";
/** What would begin a line of its own in a log, or repaint a terminal. */
const FORGED = '\r\n{"level":"error","event":"forged-line"}\u001b[2J\u2028\u009b2J\u202e\u0085';

test("secrets are in no log, problem, timeline or delivery, and no text of a client begins a line of the log", async ({
  stack,
  receiver,
}) => {
  const backing = await startBacking(stack.redisKind);
  const env = {
    ...QUICK,
    RINGBACK_MASTER_SECRET: MASTER,
    RINGBACK_ADMIN_TOKEN: ADMIN,
    RINGBACK_ENCRYPT_PAYLOADS: "true",
  };
  try {
    const gateway = await startGateway(stack.runtime, backing, { env });
    const before = gateway.running.output().length; // the first lines tell a developer the key to begin with
    try {
      const client = await newProject(gateway, "canaries");
      const apiKey = client.authorization.slice("Bearer ".length);
      const { endpoint, inbox } = await endpointOf(client, receiver);
      const dead = receiver.open([{ status: 500 }, { status: 400, body: FORGED }]);
      const task = await client.submit({
        type: "diagnostics.echo",
        input: { text: INPUT + FORGED },
        metadata: { note: FORGED },
        callbackUrl: dead.url,
      });
      await client.ended(task.id);
      await dead.wait(2, 20_000);
      await inbox.wait(1);
      const delivered = await eventually(async () => {
        const all = await client.deliveries(task.id);
        if (all.some(({ status }) => status === "pending")) throw new Error("a delivery is pending");
        return Promise.all(all.map(({ id }) => client.delivery(id)));
      });

      const nobody = new Client(gateway, `${apiKey.slice(0, -1)}!`);
      const forged = encodeURIComponent(FORGED);
      const refused = await Promise.all([
        client.send("POST", "/v1/tasks", { body: { type: FORGED, input: INPUT } }),
        client.send("POST", "/v1/tasks", { body: `{"type": "${INPUT}` }),
        client.send("GET", `/v1/tasks/${forged}`),
        client.send("GET", `/v1/tasks?cursor=${forged}`),
        client.send("GET", "/admin/projects"),
        nobody.send("GET", "/v1/tasks"),
        new Client(gateway, ADMIN).send("GET", "/v1/signing-secret"),
        nobody.send("POST", "/internal/run", { body: { token: apiKey } }),
      ]);
      for (const { status } of refused) expect(status).toBeGreaterThanOrEqual(400);
      for (const { status } of refused) expect(status).toBeLessThan(500);

      const signingSecret = await client.signingSecret();
      const timeline = await client.timeline(task.id);
      await backing.stop(); // what failed is logged, and an SDK's errors quote what they were asked
      const lost = await client.send("POST", "/v1/tasks", {
        body: { type: "diagnostics.echo", input: INPUT + FORGED, metadata: { note: FORGED } },
        headers: { "idempotency-key": "canary-of-the-idempotency-key" },
      });
      expect(lost.status).toBe(503);
      refused.push(lost);
      const log = await eventually(() => {
        const text = gateway.running.output().slice(before);
        if (!text.includes('"store-unavailable"')) throw new Error(`nothing was logged: ${text}`);
        return text;
      });
      const secrets = [MASTER, ADMIN, apiKey, backing.qstash.token, backing.redis.token, endpoint];
      secrets.push(signingSecret, "canary-of-the-idempotency-key");
      const seen = [log, JSON.stringify([timeline, delivered])];
      seen.push(...refused.map(({ text }) => text));
      for (const text of seen) for (const secret of secrets) expect(text).not.toContain(secret);
      for (const text of seen) expect(text).not.toContain(INPUT);
      const lines = log.split(/[\r\n\u2028]/);
      expect(lines.filter((line) => line.startsWith('{"level":"error","event":"forged'))).toEqual([]);
      for (const line of lines.filter((one) => one.startsWith("{")))
        expect(() => JSON.parse(line)).not.toThrow();
      expect(log).not.toContain("\u001b[2J");
      // Nothing that a terminal obeys, or that ends a line for a viewer.
      expect(log.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      for (const event of ["task-submitted", "task-succeeded", "delivery-attempted", "delivery-dead"])
        expect(log).toContain(`"event":"${event}"`);
    } finally {
      await gateway.running.stop();
    }
  } finally {
    await backing.stop();
  }
}, 60_000);

/** An endpoint's own signing secret, and what arrives there. */
async function endpointOf(client: Client, receiver: Parameters<typeof verifiedEndpoint>[1]) {
  const { id, inbox, secret } = await verifiedEndpoint(client, receiver, { events: ["task.succeeded"] });
  expect(id).toMatch(/^ep_/);
  return { endpoint: secret, inbox };
}
