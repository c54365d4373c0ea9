import { test as base, describe, expect, inject } from "vitest";
import { gatewayOptions } from "../fixtures/gateway.ts";
import { loadKeys, readSnapshot, type Snapshot } from "../fixtures/snapshot.ts";
import { movedClock } from "../storage/clock-proxy.ts";
import { agree, clientsOf, differences, FIRST, nameIn } from "../storage/stored.ts";
import { type Client, eventually } from "../support/client.ts";
import { Receiver } from "../support/receiver.ts";
import { type Gateway, startBacking, startGateway } from "../support/stack.ts";
import { Upstream } from "../support/upstream.ts";

/* What the first version has stored, under this version as it is deployed: at the time at which it was stored. */

interface Stored {
  readonly gateway: Gateway;
  readonly snapshot: Snapshot;
  readonly clients: Readonly<Record<string, Client>>;
}

const test = base.extend<{ $file: { stored: Stored } }>({
  stored: [
    async ({}, use) => {
      const { runtime, redisKind } = inject("combination");
      const { stop, ...backing } = await startBacking(redisKind);
      const [receiver, failing] = [await Receiver.start(agree), await Receiver.start(agree)];
      const upstream = await Upstream.start();
      const { now } = await readSnapshot(FIRST);
      const clock = await movedClock(backing.redis.url, now - Date.now());
      // What is due is left alone until it has been read.
      const env = { ...gatewayOptions(upstream.url, 0).env, RINGBACK_SWEEP_INTERVAL: "24h" };
      const gateway = await startGateway(runtime, backing, { redisUrl: clock.url, env });
      const roles = { receiver, failing, upstream, gateway };
      const addresses = Object.entries(roles).map(([role, { url }]) => [role, new URL(url).host]);
      const snapshot = await readSnapshot(FIRST, Object.fromEntries(addresses));
      await loadKeys(async (words) => {
        const response = await fetch(backing.redis.url, {
          method: "POST",
          headers: { authorization: `Bearer ${backing.redis.token}` },
          body: JSON.stringify(words.map(String)),
        });
        if (!response.ok) throw new Error(await response.text());
      }, snapshot.keys);
      await use({
        gateway,
        snapshot,
        clients: clientsOf({ gateway, adminToken: gateway.adminToken }, snapshot),
      });
      await gateway.running.stop();
      await Promise.all([clock.stop(), receiver.stop(), failing.stop(), upstream.stop()]);
      await stop();
    },
    { scope: "file" },
  ],
});

describe("what the first version has stored", { concurrent: false }, () => {
  test("is read as it was", { timeout: 300_000 }, async ({ stored: { gateway, snapshot, clients } }) => {
    const asked = { gateway, adminToken: gateway.adminToken };
    // `default` is one project more; each delivery is read in its list, too.
    const lasting = snapshot.answers.filter(
      ({ path }) => !/^\/(admin\/projects|v1\/deliveries\/)/.test(path),
    );
    const differing: string[] = [];
    for (const then of lasting) differing.push(...(await differences(asked, clients, then)));
    expect(differing).toEqual([]);
  });

  test("is gone on with: a replay runs, a dead letter arrives, a token ends its task", async ({ stored }) => {
    const { snapshot, clients } = stored;
    const { shop } = clients;
    if (!shop) throw new Error("there is no shop");
    const task = nameIn(snapshot, "tasks", "told");
    expect((await shop.send("POST", `/v1/tasks/${task}/replay`)).json()).toMatchObject({ run: 2 });
    expect(await shop.ended(task)).toMatchObject({ status: "succeeded", run: 2, result: "told" });
    const dead = nameIn(snapshot, "deliveries", "dead");
    expect((await shop.send("POST", `/v1/deliveries/${dead}/redeliver`)).status).toBe(202);
    await eventually(async () => expect(await shop.delivery(dead)).toMatchObject({ status: "delivered" }));
    const waiting = nameIn(snapshot, "tasks", "waiting");
    const headers = { authorization: `Bearer ${nameIn(snapshot, "tokens", "waiting")}` };
    const completed = await shop.send("POST", `/v1/tasks/${waiting}/complete`, {
      body: { result: 7 },
      headers,
    });
    expect(completed.status).toBe(200);
    expect(await shop.task(waiting)).toMatchObject({ status: "succeeded", result: 7 });
  });
});
