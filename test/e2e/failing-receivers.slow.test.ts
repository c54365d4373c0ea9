import { setTimeout as sleep } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { describe, expect } from "vitest";
import * as z from "zod";
import { type Client, eventually } from "../support/client.ts";
import { patch, type Registered, test, verifiedEndpoint } from "../support/endpoints.ts";
import { Receiver } from "../support/receiver.ts";
import type { SharedStack } from "../support/shared-stack.ts";

const ECHO = { type: "diagnostics.echo", input: "x" };
const DAY = 86_400_000;

const endpointNow = z.looseObject({
  disabled: z.boolean(),
  disabledReason: z.string().optional(),
  health: z.looseObject({ failures: z.number(), failingSince: z.string().optional(), circuit: z.string() }),
});

async function look(client: Client, id: string) {
  const reply = await client.send("GET", `/v1/endpoints/${id}`);
  return endpointNow.parse(reply.json());
}

/** Runs a task and gives its one delivery to an endpoint, once it is delivered or dead. */
async function settled(client: Client, endpointId: string) {
  const { id } = await client.submit(ECHO);
  return eventually(
    async () => {
      const one = (await client.deliveries(id)).find((delivery) => delivery.endpointId === endpointId);
      if (!one || one.status === "pending") throw new Error(`${id}: ${one?.status}`);
      return client.delivery(one.id);
    },
    { timeoutMs: 20_000, everyMs: 100 },
  );
}

const tiding = z.object({ type: z.string(), timestamp: z.iso.datetime(), data: z.looseObject({}) });

/** The first event of that type that an endpoint was sent, verified. */
function told({ inbox, secret }: Registered, type: string) {
  return eventually(() => {
    const found = inbox.received.find(({ body }) => body.includes(`"type":"${type}"`));
    if (!found) throw new Error(`no ${type} among ${inbox.received.length}`);
    return tiding.parse(new Webhook(secret).verify(found.body, found.headers));
  });
}

const onceOnly = { events: ["task.succeeded"], retrySchedule: [] };
const watching = { events: ["endpoint.disabled", "delivery.dead"] };

describe("a receiver steers", () => {
  test("410 ends the delivery and disables the endpoint; the project's other endpoints are told", async ({
    own,
    receiver,
  }) => {
    const watcher = await verifiedEndpoint(own, receiver, watching);
    const gone = await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] }, [{ status: 410 }]);
    const delivery = await settled(own, gone.id);
    expect(delivery).toMatchObject({
      status: "dead",
      attempts: [{ statusCode: 410, error: { code: "gone" } }],
    });
    expect(await look(own, gone.id)).toMatchObject({ disabled: true, disabledReason: "gone" });
    const event = await told(watcher, "endpoint.disabled");
    expect(event.data).toMatchObject({ endpointId: gone.id, url: gone.inbox.url, reason: "gone" });
    const next = await settled(own, gone.id);
    expect(next).toMatchObject({ status: "dead", attempts: [{ error: { code: "endpoint-disabled" } }] });
    expect(gone.inbox.received).toHaveLength(1);
  });

  test("webhook-delivery: disable disables it, also when it took the event", async ({ own, receiver }) => {
    for (const status of [200, 500]) {
      const headers = { "webhook-delivery": "disable" };
      const one = await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] }, [
        { status, headers },
      ]);
      const { status: end } = await settled(own, one.id);
      expect(end).toBe(status === 200 ? "delivered" : "dead");
      expect(await look(own, one.id)).toMatchObject({ disabled: true, disabledReason: "receiver" });
    }
  });

  test("webhook-delivery: abort-message ends this delivery alone", async ({ own, receiver }) => {
    const abort = { status: 500, headers: { "webhook-delivery": "abort-message" } };
    const one = await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] }, [
      abort,
      { status: 200 },
    ]);
    expect(await settled(own, one.id)).toMatchObject({ status: "dead", attempts: [{ statusCode: 500 }] });
    expect((await look(own, one.id)).disabled).toBe(false);
    expect(await settled(own, one.id)).toMatchObject({ status: "delivered" });
  });

  test("on a callbackUrl, 410 and both words end the delivery", async ({ own, receiver }) => {
    for (const answer of [
      { status: 410 },
      { status: 500, headers: { "webhook-delivery": "disable" } },
      { status: 404, headers: { "webhook-delivery": "abort-message" } },
    ]) {
      const { id } = await own.submit({ ...ECHO, callbackUrl: receiver.open([answer]).url });
      const { status, attempts } = await own.settled(id);
      expect(status).toBe("dead");
      expect(attempts).toHaveLength(1);
    }
  });
});

describe("an endpoint with nothing but failures", () => {
  /** Lets its failures begin so many days ago, the last one an hour ago. */
  async function age(stack: SharedStack, client: Client, id: string, days: number): Promise<void> {
    const { project } = await projectOf(client);
    const { url, token } = stack.backing.redis;
    const key = `rb1:${"0".repeat(3)}:${project}:ep:${id}:health`;
    const fields = ["first", `${Date.now() - days * DAY}`, "last", `${Date.now() - 3_600_000}`];
    const reply = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(["HSET", key, ...fields]),
    });
    expect(await reply.json()).toEqual({ result: 0 });
  }

  const link = z.looseObject({ jwks: z.string() });
  async function projectOf(client: Client) {
    await client.send("PATCH", "/v1/signing-secret", { body: { signatures: ["v1", "v1a"] } });
    const { jwks } = link.parse((await client.send("GET", "/v1/signing-secret")).json());
    return { project: /prj_[0-9a-z]{26}/.exec(jwks)?.[0] ?? "" };
  }

  test("for five days is disabled, and endpoint.disabled says so; enabled again it has a new start", async ({
    own,
    stack,
    receiver,
  }) => {
    const watcher = await verifiedEndpoint(own, receiver, watching);
    const one = await verifiedEndpoint(own, receiver, onceOnly, [{ status: 500 }]);
    await settled(own, one.id);
    expect(await look(own, one.id)).toMatchObject({ disabled: false, health: { failures: 1 } });
    await age(stack, own, one.id, 4.9);
    await settled(own, one.id);
    expect((await look(own, one.id)).disabled).toBe(false);
    await age(stack, own, one.id, 5.1);
    await settled(own, one.id);
    await eventually(async () => {
      expect(await look(own, one.id)).toMatchObject({ disabled: true, disabledReason: "failing" });
    });
    const event = await told(watcher, "endpoint.disabled");
    expect(event.data).toMatchObject({ endpointId: one.id, reason: "failing" });
    await patch(own, one.id, { disabled: false });
    await settled(own, one.id);
    expect((await look(own, one.id)).disabled).toBe(false);
  });

  test("is forgiven by one success", async ({ own, stack, receiver }) => {
    const answers = [{ status: 500 }, { status: 200 }, { status: 500 }];
    const one = await verifiedEndpoint(own, receiver, onceOnly, answers);
    await settled(own, one.id);
    await age(stack, own, one.id, 30);
    expect((await settled(own, one.id)).status).toBe("delivered");
    expect((await look(own, one.id)).health.failures).toBe(0);
    await settled(own, one.id);
    expect(await look(own, one.id)).toMatchObject({ disabled: false, health: { failures: 1 } });
  });
});

describe("a delivery that is given up", () => {
  test("is told by delivery.dead to the project's other endpoints, and that is told by nobody", async ({
    own,
    receiver,
  }) => {
    const watcher = await verifiedEndpoint(own, receiver, { ...watching, retrySchedule: [] }, [
      { status: 500 },
    ]);
    const one = await verifiedEndpoint(own, receiver, onceOnly, [{ status: 500 }]);
    const dead = await settled(own, one.id);
    const event = await told(watcher, "delivery.dead");
    expect(event.data).toEqual({
      project: expect.stringMatching(/^prj_/),
      deliveryId: dead.id,
      taskId: dead.taskId,
      endpointId: one.id,
      eventId: dead.eventId,
      eventType: "task.succeeded",
      url: one.inbox.url,
      attempts: 1,
      error: { code: "http-5xx", message: expect.any(String) },
    });
    await sleep(1_500);
    expect(watcher.inbox.received).toHaveLength(1);
    expect(one.inbox.received).toHaveLength(1);
  });
});

describe("a destination that fails again and again", () => {
  test("is left alone: what is due waits with its reason and uses up no attempt, others are not held up", async ({
    own,
    receiver,
  }) => {
    let mended = false;
    const dead = receiver.open(() => ({ status: mended ? 200 : 503 }));
    const other = await Receiver.start();
    const healthy = other.open();
    try {
      /** Gives the delivery of one more task, once it was tried or is held back. */
      const next = async () => {
        const { id } = await own.submit({ ...ECHO, callbackUrl: dead.url });
        return eventually(async () => {
          const [one] = await own.deliveries(id);
          const found = one && (await own.delivery(one.id));
          if (!found || (found.attempts.length < 1 && !found.reason)) throw new Error("not tried yet");
          return found;
        });
      };
      let delivery = await next();
      // Ten failures in a row open the circuit; those of attempts that are repeated meanwhile count too.
      for (let n = 1; n <= 10 && !delivery.reason; n++) delivery = await next();
      const calls = dead.received.length;
      const { taskId = "" } = delivery;
      expect(taskId).not.toBe("");
      expect(delivery).toMatchObject({
        status: "pending",
        attempts: [],
        reason: { code: "circuit-open", since: expect.any(String) },
      });
      expect(Date.parse(delivery.nextAttemptAt ?? "")).toBeGreaterThan(Date.now() + 15_000);
      expect(dead.received.every(({ body }) => !body.includes(taskId))).toBe(true);
      const fine = await own.submit({ ...ECHO, callbackUrl: healthy.url });
      await healthy.wait(1, 5_000);
      expect(await own.settled(fine.id)).toMatchObject({ status: "delivered" });
      mended = true;
      const end = await own.settled(taskId, 70_000);
      expect(end).toMatchObject({ status: "delivered", attempts: [{ statusCode: 200 }] });
      expect(end).not.toHaveProperty("reason");
      expect(dead.received.length - calls).toBeLessThanOrEqual(11); // each once: nobody knocked meanwhile
    } finally {
      await other.stop();
    }
  }, 120_000);
});

describe("a receiver that hangs", () => {
  test("delays nobody else: healthy callbacks come at once while sixty others hang", async ({
    own,
    receiver,
  }) => {
    const slow = await Receiver.start();
    try {
      const hanging = slow.open([{ hang: true }]);
      const healthy = receiver.open();
      const submitAll = (callbackUrl: string, count: number) =>
        Promise.all(Array.from({ length: count }, () => own.submit({ ...ECHO, callbackUrl })));
      await submitAll(hanging.url, 60);
      await hanging.wait(10);
      const started = Date.now();
      const tasks = await submitAll(healthy.url, 20);
      await healthy.wait(20, 12_000);
      const arrivals = healthy.received.map(({ at }) => at - started);
      // Less than the hanging one's 15 s: nobody has waited for it to be given up.
      expect(Math.max(...arrivals)).toBeLessThan(12_000);
      for (const { id } of tasks.slice(0, 3)) expect((await own.settled(id)).status).toBe("delivered");
    } finally {
      await slow.stop();
    }
  }, 60_000);

  test("delays no other endpoint of the same event", async ({ own, receiver }) => {
    const hanging = await verifiedEndpoint(own, receiver, onceOnly, [{ hang: true }]);
    const healthy = await verifiedEndpoint(own, receiver, onceOnly);
    await own.submit(ECHO);
    await healthy.inbox.wait(1, 5_000);
    await hanging.inbox.wait(1, 5_000);
  });
});
