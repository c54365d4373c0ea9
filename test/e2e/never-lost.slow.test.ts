import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { RECORD } from "../../src/adapters/redis/deliveries/record.ts";
import { END } from "../../src/adapters/redis/tasks/end.ts";
import { Client } from "../support/client.ts";
import { type FaultyGateway, startFaulty } from "../support/faulty-gateway.ts";
import { type Passing, runs, type Verdict } from "../support/proxy.ts";
import { type Inbox, type Received, Receiver, verified } from "../support/receiver.ts";
import { QUICK } from "../support/shared-stack.ts";
import { type Backing, type Gateway, startBacking, startGateway } from "../support/stack.ts";

/*
 * Four gateways are killed, each at another point of a task's way, together with all that they started; Redis and
 * QStash live on. One gateway that is started afterwards must bring every task to its end, once.
 * The waiting is the length of a lease, or of the grace before the sweep looks: about 32 s.
 */

const RECOVERY_MS = 90_000;

/** A task whose gateway was killed on the way, and what its receiver had seen by then. */
interface Orphan {
  readonly id: string;
  readonly authorization: string;
  readonly secret: string;
  readonly inbox: Inbox;
  readonly seen: readonly Received[];
}

const gateways: FaultyGateway[] = [];
let receiver: Receiver;
let backing: Backing & { stop(): Promise<void> };
let restarted: Gateway | undefined;
let orphans: { [kill in "publish" | "handler" | "delivery" | "record"]: Orphan };

beforeAll(async () => {
  const { runtime } = inject("stack");
  receiver = await Receiver.start();
  backing = await startBacking(inject("stack").redisKind);
  for (let n = 0; n < 4; n++) gateways.push(await startFaulty(runtime, backing));
  const [first, second, third, fourth] = gateways;
  if (!first || !second || !third || !fourth) throw new Error("there are not four gateways");
  const [publish, handler, delivery, record] = await Promise.all([
    beforePublish(first),
    withinHandler(second),
    beforeDelivery(third),
    beforeRecord(fourth),
  ]);
  orphans = { publish, handler, delivery, record };
  // As a supervisor would: again, at the address that QStash's messages name (one of the four).
  const port = Number(new URL(second.gateway.url).port);
  restarted = await startGateway(runtime, backing, {
    port,
    env: { ...QUICK, RINGBACK_SWEEP_INTERVAL: "1s" },
  });
}, 120_000);

afterAll(async () => {
  await restarted?.running.stop();
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  await backing?.stop();
  await receiver?.stop();
});

/** What a proxy sees until the moment at which the test wants the gateway dead. */
function killAt(
  faulty: FaultyGateway,
  where: "redis" | "qstash",
  when: "request" | "answer",
  hit: (passing: Passing) => boolean,
  first: Promise<unknown> = Promise.resolve(),
): Promise<void> {
  return new Promise((killed, failed) => {
    faulty[where].faults = {
      [when]: async (passing: Passing): Promise<Verdict> => {
        if (!hit(passing)) return "pass";
        await first;
        faulty.gateway.running.kill().then(killed, failed);
        return "cut";
      },
    };
  });
}

async function orphan(faulty: FaultyGateway, id: string, inbox: Inbox): Promise<Orphan> {
  return {
    id,
    authorization: faulty.client.authorization,
    secret: await secretOf(faulty),
    inbox,
    seen: [...inbox.received],
  };
}

const secrets = new Map<FaultyGateway, string>();
async function secretOf(faulty: FaultyGateway): Promise<string> {
  const secret = secrets.get(faulty) ?? (await faulty.client.signingSecret());
  secrets.set(faulty, secret);
  return secret;
}

/** 1. Between the 202 and the publish. */
async function beforePublish(faulty: FaultyGateway): Promise<Orphan> {
  await secretOf(faulty);
  const inbox = receiver.open();
  const answer = Promise.withResolvers<void>();
  const killed = killAt(faulty, "qstash", "request", () => true, answer.promise);
  const { id } = await faulty.client.submit({
    type: "diagnostics.echo",
    input: "publish",
    callbackUrl: inbox.url,
  });
  answer.resolve();
  await killed;
  return orphan(faulty, id, inbox);
}

/** 2. In the middle of a handler: it waits for a file that does not come. */
async function withinHandler(faulty: FaultyGateway): Promise<Orphan> {
  await secretOf(faulty);
  const inbox = receiver.open();
  const file = receiver.open([{ hang: true }, { body: "k,n\na,1\na,2\n" }]);
  const { id } = await faulty.client.submit({
    type: "report.generate",
    input: { csvUrl: file.url, groupBy: "k", aggregate: { n: "sum" } },
    callbackUrl: inbox.url,
  });
  await file.wait(1);
  await faulty.gateway.running.kill();
  return orphan(faulty, id, inbox);
}

/** 3. Between the end of the task and its first delivery: the end is in Redis, its answer never arrives. */
async function beforeDelivery(faulty: FaultyGateway): Promise<Orphan> {
  await secretOf(faulty);
  const inbox = receiver.open();
  const killed = killAt(faulty, "redis", "answer", (passing) => runs(passing, END.lua));
  const { id } = await faulty.client.submit({
    type: "diagnostics.echo",
    input: "delivery",
    callbackUrl: inbox.url,
  });
  await killed;
  return orphan(faulty, id, inbox);
}

/** 4. Between a delivery and its record: the receiver has answered 200, Redis does not learn it. */
async function beforeRecord(faulty: FaultyGateway): Promise<Orphan> {
  await secretOf(faulty);
  const inbox = receiver.open();
  const killed = killAt(faulty, "redis", "request", (passing) => runs(passing, RECORD.lua));
  const { id } = await faulty.client.submit({
    type: "diagnostics.echo",
    input: "record",
    callbackUrl: inbox.url,
  });
  await killed;
  return orphan(faulty, id, inbox);
}

/** The promise: one end, one event, whatever the receiver had seen before. */
async function expectRecovered(kill: keyof typeof orphans, result: unknown, before: number): Promise<void> {
  if (!restarted) throw new Error("no gateway was started again");
  const { id, authorization, secret, inbox, seen } = orphans[kill];
  expect(seen).toHaveLength(before);
  const client = new Client(restarted, authorization.slice("Bearer ".length));
  expect(await client.ended(id, RECOVERY_MS)).toMatchObject({ status: "succeeded", run: 1, result });
  const delivery = await client.settled(id, RECOVERY_MS);
  expect(delivery.status).toBe("delivered");
  await sleep(3_000); // whatever else might still come
  expect(inbox.received.length).toBe(before + 1);
  for (const callback of inbox.received) {
    expect(callback.headers["webhook-id"]).toBe(delivery.eventId);
    expect(callback.body).toBe(inbox.received[0]?.body);
    expect(verified(callback, secret)).toMatchObject({ type: "task.succeeded", data: { id, result } });
  }
  const ends = (await client.timeline(id)).filter((item) =>
    ["task.succeeded", "task.failed", "task.expired", "task.canceled"].includes(item.type),
  );
  expect(ends).toHaveLength(1);
}

const timeout = RECOVERY_MS + 30_000;

test("killed between the 202 and the publish: the sweep publishes", { timeout }, () =>
  expectRecovered("publish", "publish", 0),
);

test("killed in the middle of a handler: it runs again", { timeout }, async () => {
  await expectRecovered("handler", { rows: 2, groups: [{ key: "a", n: 3 }] }, 0);
});

test("killed between the end and the first delivery: the callback goes out", { timeout }, () =>
  expectRecovered("delivery", "delivery", 0),
);

test("killed between a delivery and its record: the same event again, and then on record", { timeout }, () =>
  expectRecovered("record", "record", 1),
);
