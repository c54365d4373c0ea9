import { expect } from "vitest";
import * as z from "zod";
import { Client, eventually, newProject } from "../support/client.ts";
import { verifiedEndpoint } from "../support/endpoints.ts";
import { test } from "../support/fixture.ts";
import { verified } from "../support/receiver.ts";
import { Redeployment } from "../support/redeployment.ts";
import { QUICK } from "../support/shared-stack.ts";
import { publicKeys, secrets, signedBy } from "../support/signatures.ts";
import { type Gateway, startBacking } from "../support/stack.ts";

const [OLD, NEW] = ["the first master secret, 01", "the second master secret, 02"];

const report = z.object({
  rotating: z.boolean(),
  previousNeeded: z.boolean(),
  data: z.array(z.object({ name: z.string(), previous: z.int(), lost: z.int() })),
});

test("rotating the master secret keeps every secret and key, re-encrypts, and tells when the old one can go", async ({
  stack,
  receiver,
}) => {
  const backing = await startBacking(stack.redisKind);
  const gateway = new Redeployment(stack.runtime);
  const restart = (env: Readonly<Record<string, string>>) => gateway.deploy(backing, { ...QUICK, ...env });
  const encrypted = async ({ url, adminToken }: Gateway) => {
    const headers = { authorization: `Bearer ${adminToken}` };
    return report.parse((await new Client({ url }).send("GET", "/admin/secrets", { headers })).json());
  };
  try {
    const first = await restart({ RINGBACK_MASTER_SECRET: OLD });
    // A gateway sweeps when it starts, and a sweep re-encrypts 25 projects: the one of this test comes after them.
    for (let count = 0; count < 25; count++) await newProject(first, `earlier-${count}`);
    const client = await newProject(first, "rotating");
    const one = await verifiedEndpoint(client, receiver, {
      events: ["task.succeeded"],
      signatures: ["v1", "v1a"],
      headers: { authorization: "Bearer s3cret" },
    });
    const path = `/v1/endpoints/${one.id}/secret`;
    const before = [await client.signingSecret(), secrets.parse((await client.send("GET", path)).json())];
    expect(await encrypted(first)).toEqual({ rotating: false, previousNeeded: false, data: [] });

    const rotating = { RINGBACK_MASTER_SECRET: NEW, RINGBACK_PREVIOUS_MASTER_SECRET: OLD };
    const waiting = await restart({ ...rotating, RINGBACK_SWEEP_INTERVAL: "1d" });
    expect(await encrypted(waiting)).toMatchObject({
      rotating: true,
      previousNeeded: true,
      data: expect.arrayContaining([{ name: "rotating", previous: 4, lost: 0 }]),
    });
    await client.submit({ type: "diagnostics.echo", input: "under the old one" });
    verified((await one.inbox.wait(1))[0], one.secret);

    const sweeping = await restart({ ...rotating, RINGBACK_SWEEP_INTERVAL: "500ms" });
    await eventually(async () => expect(await encrypted(sweeping)).toMatchObject({ previousNeeded: false }));

    const last = await restart({ RINGBACK_MASTER_SECRET: NEW });
    expect(await encrypted(last)).toEqual({ rotating: false, previousNeeded: false, data: [] });
    const after = [await client.signingSecret(), secrets.parse((await client.send("GET", path)).json())];
    expect(after).toEqual(before);
    await client.submit({ type: "diagnostics.echo", input: "under the new one" });
    const received = (await one.inbox.wait(2))[1];
    verified(received, one.secret);
    expect(received?.headers["authorization"]).toBe("Bearer s3cret");
    const [jwk] = await publicKeys(client, secrets.parse(after[1]).jwks ?? "");
    expect(await signedBy(received, jwk)).toBe(true);

    const lost = await restart({ RINGBACK_MASTER_SECRET: "a third master secret, 03" });
    expect(await encrypted(lost)).toMatchObject({ previousNeeded: false, data: expect.any(Array) });
    expect((await encrypted(lost)).data.find(({ name }) => name === "rotating")?.lost).toBe(4);
  } finally {
    await gateway.stop();
    await backing.stop();
  }
}, 180_000);

test("payloads that the old master secret has encrypted keep it needed until they are gone", async ({
  stack,
}) => {
  const backing = await startBacking(stack.redisKind);
  const gateway = new Redeployment(stack.runtime);
  const restart = (env: Readonly<Record<string, string>>) =>
    gateway.deploy(backing, { ...QUICK, RINGBACK_ENCRYPT_PAYLOADS: "true", ...env });
  const shown = z.object({
    previousNeeded: z.boolean(),
    payloads: z.string().optional(),
    data: z.array(z.unknown()),
  });
  const encrypted = async ({ url, adminToken }: Gateway) => {
    const headers = { authorization: `Bearer ${adminToken}` };
    return shown.parse((await new Client({ url }).send("GET", "/admin/secrets", { headers })).json());
  };
  try {
    const client = await newProject(await restart({ RINGBACK_MASTER_SECRET: OLD }), "payloads");
    const { id } = await client.submit({ type: "diagnostics.echo", input: "a payload" });
    await client.ended(id);
    const rotating = { RINGBACK_MASTER_SECRET: NEW, RINGBACK_PREVIOUS_MASTER_SECRET: OLD };
    const waiting = await restart({ ...rotating, RINGBACK_SWEEP_INTERVAL: "1d" });
    // The sweep of its start may have looked through the payloads, or not yet.
    const asked = await encrypted(waiting);
    expect(asked.previousNeeded).toBe(true);
    expect(["checking", "needed"]).toContain(asked.payloads);
    const sweeping = await restart({ ...rotating, RINGBACK_SWEEP_INTERVAL: "500ms" });
    // Every secret is encrypted anew, and the old one is still needed.
    await eventually(async () => {
      expect(await encrypted(sweeping)).toEqual({ previousNeeded: true, payloads: "needed", data: [] });
    });
    expect((await client.task(id)).result).toBe("a payload");
    await client.submit({ type: "diagnostics.echo", input: "under the new one" });
    expect((await client.send("DELETE", `/v1/tasks/${id}`)).status).toBe(204);
    await eventually(
      async () =>
        expect(await encrypted(sweeping)).toEqual({ previousNeeded: false, payloads: "clear", data: [] }),
      { timeoutMs: 30_000 },
    );
  } finally {
    await gateway.stop();
    await backing.stop();
  }
}, 180_000);
