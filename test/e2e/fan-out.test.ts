import { describe, expect } from "vitest";
import { type Client, eventually } from "../support/client.ts";
import { patch, test, verifiedEndpoint } from "../support/endpoints.ts";
import { verified } from "../support/receiver.ts";
import { handOn, reached } from "../support/waiting.ts";

const ECHO = { type: "diagnostics.echo", input: "x" };

async function settledAll(client: Client, taskId: string, count: number) {
  return eventually(
    async () => {
      const all = await client.deliveries(taskId);
      if (all.length !== count || all.some(({ status }) => status === "pending")) {
        throw new Error(`${taskId}: ${all.map(({ status }) => status)}`);
      }
      return Promise.all(all.map(({ id }) => client.delivery(id)));
    },
    { timeoutMs: 20_000, everyMs: 150 },
  );
}

describe("a task's events", () => {
  test("reach its callback and every endpoint that subscribes, with or without a callbackUrl", async ({
    own,
    receiver,
  }) => {
    const all = await verifiedEndpoint(own, receiver, { events: ["*"], headers: { "x-shop": "1" } });
    const exact = await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] });
    const other = await verifiedEndpoint(own, receiver, { events: ["task.failed", "endpoint.*"] });
    const callback = receiver.open();
    const secret = await own.signingSecret();
    const [alone, both] = [await own.submit(ECHO), await own.submit({ ...ECHO, callbackUrl: callback.url })];
    const [called] = await callback.wait(1);
    expect(verified(called, secret).data.id).toBe(both.id);
    for (const { inbox, secret: own_ } of [all, exact]) {
      const received = await eventually(() => {
        const ends = inbox.received.filter(({ body }) => body.includes('"task.succeeded"'));
        if (ends.length < 2) throw new Error(`${ends.length} have come`);
        return ends;
      });
      const ids = received.map((one) => verified(one, own_).data.id);
      expect(new Set(ids)).toEqual(new Set([alone.id, both.id]));
    }
    const same = all.inbox.received.find(
      ({ headers }) => headers["webhook-id"] === called?.headers["webhook-id"],
    );
    expect(same?.body).toBe(called?.body);
    expect(same?.headers["x-shop"]).toBe("1");
    expect(called?.headers["x-shop"]).toBeUndefined();
    await own.ended(both.id);
    expect(other.inbox.received).toHaveLength(0);
    expect(all.inbox.received.map(({ body }) => (JSON.parse(body) as { type: string }).type)).toContain(
      "task.started",
    );
    const listed = await own.send("GET", `/v1/deliveries?endpointId=${exact.id}`);
    expect(listed.json()).toMatchObject({
      data: [
        { taskId: both.id, endpointId: exact.id },
        { taskId: alone.id, endpointId: exact.id },
      ],
    });
    expect(await own.task(both.id)).toMatchObject({ callback: { url: callback.url, status: "delivered" } });
  });

  test("are repeated by the endpoint's own schedule, with what was frozen and its headers of now", async ({
    own,
    receiver,
  }) => {
    const only = { events: ["task.succeeded"], retrySchedule: ["2s"] };
    const one = await verifiedEndpoint(own, receiver, only, [{ status: 500 }]);
    await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] });
    const { id } = await own.submit(ECHO);
    await one.inbox.wait(1);
    await patch(own, one.id, { headers: { "x-late": "1" } });
    const received = await one.inbox.wait(2, 20_000);
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(received.map(({ headers }) => headers["x-late"])).toEqual([undefined, "1"]);
    for (const each of received) expect(verified(each, one.secret).data.id).toBe(id);
    const deliveries = await settledAll(own, id, 2);
    expect(deliveries.map(({ status }) => status).sort()).toEqual(["dead", "delivered"]);
    expect(deliveries.find(({ status }) => status === "dead")?.attempts).toHaveLength(2);
  });

  test("are kept as dead letters for an endpoint that is disabled, and can be sent again once it is not", async ({
    own,
    receiver,
  }) => {
    const one = await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] });
    expect(await patch(own, one.id, { disabled: true, reason: "maintenance" })).toMatchObject({
      disabled: true,
      disabledReason: "maintenance",
      disabledAt: expect.any(String),
    });
    const { id } = await own.submit(ECHO);
    const [kept] = await settledAll(own, id, 1);
    expect(kept).toMatchObject({
      status: "dead",
      attempts: [{ error: { code: "endpoint-disabled", message: expect.stringContaining("maintenance") } }],
    });
    const early = await own.send("POST", `/v1/deliveries/${kept?.id}/redeliver`);
    expect(early.status).toBe(202);
    await settledAll(own, id, 1);
    expect(one.inbox.received).toHaveLength(0);
    expect(await patch(own, one.id, { disabled: false })).toMatchObject({ disabled: false });
    await own.send("POST", `/v1/deliveries/${kept?.id}/redeliver`);
    const [received] = await one.inbox.wait(1);
    expect(verified(received, one.secret).data).toMatchObject({ id, status: "succeeded", result: "x" });
    expect(await settledAll(own, id, 1)).toMatchObject([{ status: "delivered" }]);
  });

  test("that wait for their next attempt end as dead letters when the endpoint is disabled or deleted", async ({
    own,
    receiver,
  }) => {
    const broken = [{ status: 500 }];
    const wanted = { events: ["task.succeeded"], retrySchedule: ["2s"] };
    const [off, gone] = [
      await verifiedEndpoint(own, receiver, wanted, broken),
      await verifiedEndpoint(own, receiver, wanted, broken),
    ];
    const { id } = await own.submit(ECHO);
    await Promise.all([off.inbox.wait(1), gone.inbox.wait(1)]);
    await patch(own, off.id, { disabled: true });
    await own.send("DELETE", `/v1/endpoints/${gone.id}`);
    for (const delivery of await settledAll(own, id, 2)) {
      expect(delivery).toMatchObject({
        status: "dead",
        attempts: [{ error: { code: "http-5xx" } }, { error: { code: "endpoint-disabled" } }],
      });
    }
    expect(off.inbox.received).toHaveLength(1);
    expect(gone.inbox.received).toHaveLength(1);
  });

  test("go by the queue where the endpoint has a rate", async ({ own, receiver }) => {
    const one = await verifiedEndpoint(own, receiver, { events: ["task.succeeded"], rateLimit: 1 });
    const tasks = await Promise.all([1, 2, 3].map(() => own.submit(ECHO)));
    const received = await one.inbox.wait(3, 20_000);
    expect(new Set(received.map((each) => verified(each, one.secret).data.id))).toEqual(
      new Set(tasks.map(({ id }) => id)),
    );
    const times = received.map(({ at }) => at);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThanOrEqual(1_500);
  });

  test("of its way too: started, waiting and the progress that a token's bearer tells, without a callbackUrl", async ({
    own,
    receiver,
  }) => {
    const [one, other] = [
      await verifiedEndpoint(own, receiver, { events: ["*"] }),
      await verifiedEndpoint(own, receiver, { events: ["task.progress", "task.waiting"] }),
    ];
    const { id, bearer } = await handOn(own, receiver);
    await reached(own, id, "waiting");
    await bearer.send("POST", `/v1/tasks/${id}/progress`, { body: { percent: 40 } });
    await other.inbox.wait(2);
    await bearer.send("POST", `/v1/tasks/${id}/complete`, { body: { result: 1 } });
    const events = (await one.inbox.wait(4)).map((received) => verified(received, one.secret));
    expect(events.map(({ type, data }) => `${data.sequence} ${type}`).sort()).toEqual([
      "2 task.started",
      "3 task.progress",
      "3 task.waiting",
      "4 task.succeeded",
    ]);
    expect(events.find(({ type }) => type === "task.progress")?.data).toMatchObject({
      progress: { percent: 40 },
    });
    expect(other.inbox.received).toHaveLength(2);
  });

  test("of a task that is erased are erased with it, what they shared too", async ({ own, receiver }) => {
    await verifiedEndpoint(own, receiver, { events: ["task.succeeded"] });
    await verifiedEndpoint(own, receiver, { events: ["task.succeeded"], format: "thin" });
    const { id } = await own.submit(ECHO);
    const [one] = await settledAll(own, id, 2);
    expect((await own.send("DELETE", `/v1/tasks/${id}`)).status).toBe(204);
    expect((await own.send("GET", `/v1/deliveries/${one?.id}`)).status).toBe(404);
  });
});
