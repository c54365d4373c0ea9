import { expect } from "vitest";
import { type Client, newProject } from "../support/client.ts";
import { patch, verifiedEndpoint } from "../support/endpoints.ts";
import { test } from "../support/fixture.ts";
import { verified } from "../support/receiver.ts";
import { Redeployment } from "../support/redeployment.ts";
import { QUICK } from "../support/shared-stack.ts";
import { type Backing, startBacking } from "../support/stack.ts";

const [OLD, NEW] = ["the first master secret, 01", "the second master secret, 02"];
const CANARY = "canary-of-the-payload";
/** Longer than what lies in the task's own hash. */
const LARGE = CANARY.repeat(1_000);

/** Every value that Redis holds, as text. */
async function everything({ redis }: Backing): Promise<string> {
  const call = async (...words: string[]): Promise<unknown> => {
    const reply = await fetch(redis.url, {
      method: "POST",
      headers: { authorization: `Bearer ${redis.token}` },
      body: JSON.stringify(words),
    });
    return ((await reply.json()) as { result: unknown }).result;
  };
  const keys = (await call("KEYS", "rb1:*")) as string[];
  const values = await Promise.all(
    keys.map(async (key) => {
      const type = await call("TYPE", key);
      if (type === "string") return call("GET", key);
      return type === "hash" ? call("HGETALL", key) : call("ZRANGE", key, "0", "-1");
    }),
  );
  return JSON.stringify([keys, values]);
}

test("inputs, results and events lie encrypted in Redis, and everybody reads them as before", async ({
  stack,
  receiver,
}) => {
  const backing = await startBacking(stack.redisKind);
  const gateway = new Redeployment(stack.runtime);
  const restart = (env: Readonly<Record<string, string>>) => gateway.deploy(backing, { ...QUICK, ...env });
  const echo = (input: unknown) => ({ type: "diagnostics.echo", input });
  const resultOf = async (client: Client, id: string) =>
    (await client.send("GET", `/v1/tasks/${id}/result`)).json();
  try {
    const clear = await restart({ RINGBACK_MASTER_SECRET: OLD });
    const client = await newProject(clear, "sealed");
    const before = await client.submit(echo("in the clear"));
    await client.ended(before.id);
    expect(await everything(backing)).toContain("in the clear");

    const sealing = { RINGBACK_ENCRYPT_PAYLOADS: "true" };
    await restart({ RINGBACK_MASTER_SECRET: OLD, ...sealing });
    expect(await resultOf(client, before.id)).toBe("in the clear");
    const endpoint = await verifiedEndpoint(client, receiver, { events: ["task.succeeded"] });
    const inbox = receiver.open([{ status: 500 }, { status: 200 }]);
    const small = await client.submit({ ...echo({ secret: CANARY }), callbackUrl: inbox.url });
    const large = await client.submit(echo(LARGE));
    const later = await client.submit({ ...echo(CANARY), delay: "10m" });
    const batch = await client.send("POST", "/v1/tasks/batch", { body: { tasks: [echo([CANARY])] } });
    expect(batch.status).toBe(202);
    await Promise.all([small, large].map(({ id }) => client.ended(id)));
    const [first, second] = await inbox.wait(2, 20_000);
    expect(second?.body).toBe(first?.body);
    expect(verified(second, await client.signingSecret()).data.result).toEqual({ secret: CANARY });
    const events = await endpoint.inbox.wait(3);
    expect(events.filter(({ body }) => body.includes(CANARY)).length).toBe(3);
    await patch(client, endpoint.id, { disabled: true });
    const replayed = await client.send("POST", `/v1/tasks/${large.id}/replay`);
    expect(replayed.status).toBe(202);
    await client.ended(large.id);
    const shown = await client.send("GET", `/v1/tasks/${later.id}?include=input`);
    expect(shown.json()).toMatchObject({ input: CANARY });
    expect(await resultOf(client, small.id)).toEqual({ secret: CANARY });
    expect(await everything(backing)).not.toContain(CANARY);

    const rotating = { RINGBACK_MASTER_SECRET: NEW, RINGBACK_PREVIOUS_MASTER_SECRET: OLD };
    await restart({ ...rotating, ...sealing });
    expect(await resultOf(client, large.id)).toBe(LARGE);
    const after = await client.submit(echo({ again: CANARY }));
    await client.ended(after.id);
    const toCallback = (await client.deliveries(small.id)).find(({ endpointId }) => endpointId === undefined);
    const again = await client.send("POST", `/v1/deliveries/${toCallback?.id}/redeliver`);
    expect(again.status).toBe(202);
    await inbox.wait(3);
    expect(await everything(backing)).not.toContain(CANARY);

    await restart({ RINGBACK_MASTER_SECRET: NEW });
    expect(await resultOf(client, after.id)).toEqual({ again: CANARY });
  } finally {
    await gateway.stop();
    await backing.stop();
  }
}, 90_000);
