import { describe, expect } from "vitest";
import type { Client } from "../support/client.ts";
import { eventually } from "../support/client.ts";
import { echoing, patch, test, verifiedEndpoint } from "../support/endpoints.ts";
import { Receiver } from "../support/receiver.ts";

const ECHO = { type: "diagnostics.echo", input: "x" };

/** A task's one delivery, once it is as it is looked for. */
function deliveryOf(
  client: Client,
  task: string,
  is: (found: { attempts: unknown[]; status: string }) => boolean,
) {
  return eventually(
    async () => {
      const [one] = await client.deliveries(task);
      const found = one && (await client.delivery(one.id));
      if (!found || !is(found)) throw new Error(`${task}: ${JSON.stringify(found)}`);
      return found;
    },
    { timeoutMs: 30_000, everyMs: 200 },
  );
}

describe("an endpoint that moves while a delivery waits for its next attempt", () => {
  test("the retry waits for the verification, and each attempt says where it went", async ({
    own,
    receiver,
  }) => {
    const events = ["task.succeeded"];
    const one = await verifiedEndpoint(own, receiver, { events, retrySchedule: ["2s"] }, [{ status: 500 }]);
    const { id } = await own.submit(ECHO);
    await deliveryOf(own, id, ({ attempts }) => attempts.length === 1);
    const other = await Receiver.start();
    try {
      const inbox = other.open(echoing());
      await patch(own, one.id, { url: inbox.url });
      const waiting = await deliveryOf(own, id, (found) => "reason" in found);
      expect(waiting).toMatchObject({
        status: "pending",
        url: one.inbox.url,
        reason: { code: "endpoint-unverified", since: expect.any(String) },
      });
      expect((await own.send("POST", `/v1/endpoints/${one.id}/verify`)).status).toBe(200);
      const delivered = await deliveryOf(own, id, ({ status }) => status !== "pending");
      expect(delivered).toMatchObject({
        status: "delivered",
        url: inbox.url,
        attempts: [
          { url: one.inbox.url, statusCode: 500 },
          { url: inbox.url, statusCode: 200 },
        ],
      });
      expect(delivered).not.toHaveProperty("reason");
    } finally {
      await other.stop();
    }
  }, 90_000);
});

describe("a circuit that is open", () => {
  test("holds back the events of every step of a task, task.waiting too: each is recorded, and none is sent", async ({
    own,
  }) => {
    const dead = await Receiver.start();
    try {
      const inbox = dead.open([{ status: 503 }]);
      const waiting = { type: "diagnostics.wait", input: {} };
      const callback = {
        callbackUrl: inbox.url,
        callbackEvents: ["task.started", "task.waiting", "task.succeeded"],
      };
      for (let n = 0; n < 12; n++)
        await own.submit({ ...ECHO, ...callback, callbackEvents: ["task.succeeded"] });
      await inbox.wait(10);
      await eventually(
        async () => {
          const { id } = await own.submit({ ...ECHO, ...callback, callbackEvents: ["task.succeeded"] });
          const [one] = await eventually(async () => {
            const made = await own.deliveries(id);
            if (made.length === 0) throw new Error("the task has not ended yet");
            return made;
          });
          if (!one?.reason) throw new Error("the circuit is not open yet");
        },
        { timeoutMs: 40_000 },
      );
      const { id } = await own.submit({ ...waiting, ...callback });
      await eventually(async () => {
        const { status } = await own.task(id);
        if (status !== "waiting") throw new Error(status);
      });
      const deliveries = await eventually(async () => {
        const all = await own.deliveries(id);
        if (all.length < 2) throw new Error(`${all.length}`);
        return all;
      });
      expect(deliveries.map(({ eventType }) => eventType).toSorted()).toEqual([
        "task.started",
        "task.waiting",
      ]);
      for (const one of deliveries) {
        expect(await own.delivery(one.id)).toMatchObject({
          status: "pending",
          attempts: [],
          reason: { code: "circuit-open" },
        });
      }
      expect(inbox.received.filter(({ body }) => body.includes(id))).toEqual([]);
    } finally {
      await dead.stop();
    }
  }, 60_000);
});
