import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect } from "vitest";
import { PROGRESS_EVENT_INTERVAL } from "../../src/shared/limits.ts";
import { test } from "../support/fixture.ts";
import { verified } from "../support/receiver.ts";
import { handOn, reached } from "../support/waiting.ts";

describe("events on request", () => {
  test("task.started and task.waiting: one each per attempt, with ids of their own, before the end", async ({
    client,
    receiver,
    secret,
  }) => {
    const inbox = receiver.open();
    const callbackEvents = ["task.started", "task.waiting", "task.succeeded"];
    const { id, bearer, token, next } = await handOn(client, receiver, {
      callbackUrl: inbox.url,
      callbackEvents,
    });
    await reached(client, id, "waiting");
    await inbox.wait(2);
    await bearer.send("POST", `/v1/tasks/${id}/fail`, { body: { code: "again", message: "Once more." } });
    const second = await next();
    await reached(client, id, "waiting");
    await inbox.wait(4);
    await second.bearer.send("POST", `/v1/tasks/${id}/complete`, { body: { result: 1 } });
    const events = (await inbox.wait(5)).map((received) => verified(received, secret));
    const seen = events.map(({ type, data }) => `${data.sequence} ${type} ${data.status} ${data.attempt}`);
    expect(seen.sort()).toEqual([
      "2 task.started running 1",
      "3 task.waiting waiting 1",
      "5 task.started running 2",
      "6 task.waiting waiting 2",
      "7 task.succeeded succeeded 2",
    ]);
    expect(new Set(inbox.received.map(({ headers }) => headers["webhook-id"])).size).toBe(5);
    expect(JSON.stringify(inbox.received.map(({ body }) => body))).not.toContain(token);
    const deliveries = await client.deliveries(id);
    expect(deliveries.map(({ eventType }) => eventType)).toEqual([
      "task.succeeded",
      "task.waiting",
      "task.started",
      "task.waiting",
      "task.started",
    ]);
    const { callback } = await client.task(id);
    expect(callback?.deliveryId).toBe(deliveries[0]?.id);
  });

  test("task.started is kept and repeated like an end: its body is frozen", async ({
    client,
    receiver,
    secret,
  }) => {
    const inbox = receiver.open([{ status: 503 }, { status: 200 }]);
    const { id } = await client.submit({
      type: "diagnostics.echo",
      input: "quick",
      callbackUrl: inbox.url,
      callbackEvents: ["task.started"],
    });
    expect((await client.ended(id)).status).toBe("succeeded");
    const [first, second] = await inbox.wait(2);
    expect(verified(second, secret)).toMatchObject({ type: "task.started", data: { id, status: "running" } });
    expect(second?.body).toBe(first?.body);
    expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
  });

  test("task.progress by the handler: told as it is written, each once, in order; slow receivers miss some", async ({
    client,
    receiver,
    secret,
  }) => {
    const inbox = receiver.open((_received, index) => (index === 0 ? { status: 500 } : { delayMs: 1_200 }));
    const { id } = await handOn(client, receiver, {
      input: { holdMs: 6_000, everyMs: 100 },
      callbackUrl: inbox.url,
      callbackEvents: ["task.progress"],
    });
    const task = await reached(client, id, "waiting");
    const events = inbox.received.map((received) => verified(received, secret));
    expect(events.length).toBeGreaterThanOrEqual(3);
    expect(events.length).toBeLessThanOrEqual(7);
    expect(new Set(inbox.received.map(({ headers }) => headers["webhook-id"])).size).toBe(events.length);
    const percents = events.map(({ data }) => data.progress?.percent ?? 0);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    // The last report is kept, of many more than were told.
    expect(task.progress?.percent).toBeGreaterThanOrEqual(percents.at(-1) ?? 0);
    expect(task.progress?.percent).toBeGreaterThan(2 * events.length);
    for (const { type, data } of events) {
      expect([type, data.status, data.sequence]).toEqual(["task.progress", "running", 2]);
    }
    const deliveries = await client.deliveries(id);
    expect(deliveries.map(({ eventType }) => eventType)).toEqual(["task.progress"]);
  });

  test("task.progress by token: at most one in 500 ms, and a failed attempt is the last of its event", async ({
    client,
    receiver,
    secret,
  }) => {
    const waiting = async () => {
      const inbox = receiver.open([{ status: 500 }, { status: 200 }]);
      const { id, bearer } = await handOn(client, receiver, {
        callbackUrl: inbox.url,
        callbackEvents: ["task.progress"],
      });
      await reached(client, id, "waiting");
      const say = (percent: number) =>
        bearer.send("POST", `/v1/tasks/${id}/progress`, { body: { percent, message: `${percent} %` } });
      return { inbox, id, say };
    };
    // All three must come within the interval: on a machine too busy for that, another task has its turn.
    let took: number;
    let task: Awaited<ReturnType<typeof waiting>>;
    do {
      task = await waiting();
      const began = performance.now();
      for (const percent of [10, 11, 12]) expect((await task.say(percent)).status).toBe(200);
      took = performance.now() - began;
    } while (took >= PROGRESS_EVENT_INTERVAL);
    const { inbox, id, say } = task;
    await inbox.wait(1);
    expect(await client.settled(id)).toMatchObject({ status: "dead", attempts: [{ statusCode: 500 }] });
    await sleep(2_500);
    expect(inbox.received).toHaveLength(1);
    expect((await client.task(id)).progress).toMatchObject({ percent: 12, message: "12 %" });
    await say(60);
    const received = await inbox.wait(2);
    const [first, second] = received.map((one) => verified(one, secret));
    expect([first?.data.progress?.percent, second?.data.progress?.percent]).toEqual([10, 60]);
    expect(received[0]?.headers["webhook-id"]).not.toBe(received[1]?.headers["webhook-id"]);
    expect(await client.settled(id)).toMatchObject({ status: "delivered", eventType: "task.progress" });
  });
});
