import { describe, expect, test } from "vitest";
import { DEFAULT_RETENTION, type Retention } from "../../src/tasks/retention.ts";
import type { TerminalStatus } from "../../src/tasks/status.ts";
import { accepted, claimed, environments, freshProject, newDelivery, succeeded } from "./store-fixture.ts";

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

const SHORT: Retention = {
  task: { succeeded: 10 * MINUTE, failed: 2 * HOUR, canceled: 3 * HOUR, expired: 4 * HOUR },
  delivery: 5 * HOUR,
  result: MINUTE,
};

describe.each(await environments())("retention on the %s engine", (_kind, { keeping, redis, ttlOf }) => {
  /** A task that has ended with these deliveries; with the keys of the indexes that list it. */
  async function ended(
    retention: Retention,
    status: TerminalStatus,
    { resultTtl = MINUTE, deliveries = [] as readonly ReturnType<typeof newDelivery>[] } = {},
  ) {
    const store = keeping(retention);
    const caller = await freshProject(store);
    await store.limitProject(caller.project, { searchable: ["orderId"] }, "limit");
    const task = await accepted(store, caller, { input: JSON.stringify("x".repeat(20_000)) });
    const held = await claimed(store, task, "mine");
    const command = succeeded(held.record, "mine", { result: JSON.stringify("y".repeat(20_000)) });
    const told = deliveries.map((one) => ({ ...one, taskId: task.id }));
    const outcome = { ...command.outcome, kind: status, resultTtl, deliveries: told };
    const answer = await store.end({ ...command, outcome } as typeof command);
    expect(answer.kind).toBe("ended");
    const left = (key: string) => ttlOf(key, caller.project);
    const found = await redis("KEYS", `rb1:000:${caller.project}:x:*`);
    const indexes = (found ?? "").split(",").map((key) => key.slice(`rb1:000:${caller.project}:`.length));
    return { store, caller, task, left, indexes, told };
  }

  /** Within a minute below. */
  function expectTtl(left: number, time: number) {
    expect(left).toBeGreaterThan(time - MINUTE);
    expect(left).toBeLessThanOrEqual(time);
  }

  for (const status of ["succeeded", "failed", "canceled", "expired"] as const) {
    test(`keeps a task that ${status} for the time of its outcome, and lists it as long`, async () => {
      const { task, left, indexes } = await ended(SHORT, status);
      expectTtl(await left(`t:${task.id}`), SHORT.task[status]);
      expectTtl(await left(`t:${task.id}:in`), MINUTE);
      expectTtl(await left(`t:${task.id}:out:1`), MINUTE);
      expect(indexes).toHaveLength(status === "succeeded" ? 2 : 3);
      for (const index of indexes) expect(await left(index), index).toBeGreaterThan(SHORT.task[status]);
    });
  }

  test("keeps a task as long as its result", async () => {
    const { task, left, indexes } = await ended(SHORT, "failed", { resultTtl: 30 * DAY });
    expectTtl(await left(`t:${task.id}`), 30 * DAY);
    const own = indexes.find((index) => index.endsWith(":failed"));
    expect(await left(own ?? "")).toBeGreaterThan(30 * DAY);
  });

  test("keeps a task for a day after its last pending delivery, with its indexes", async () => {
    const lease = "delivery-lease";
    const deliveries = [newDelivery(lease)];
    const { store, caller, task, left, indexes, told } = await ended(SHORT, "succeeded", { deliveries });
    expectTtl(await left(`t:${task.id}`), 25 * HOUR);
    const command = {
      project: caller.project,
      delivery: told[0]?.id ?? "",
      lease,
      attempt: 1,
      log: "{}",
      at: Date.now(),
      verdict: {},
      deliveries: [],
    };
    const retry = { ...command, outcome: { kind: "retry", delay: 3 * DAY }, nonce: "retry" } as const;
    expect(await store.record(retry)).toMatchObject({ kind: "recorded" });
    expectTtl(await left(`t:${task.id}`), 3 * DAY + 25 * HOUR);
    for (const index of indexes) expect(await left(index), index).toBeGreaterThan(3 * DAY + 24 * HOUR);
    const later = keeping(SHORT, 3 * DAY + MINUTE);
    const begun = { ...command, attempt: 2, lease: "second", length: 20_000 };
    expect(await later.leaseDelivery(begun)).toMatchObject({ kind: "begun" });
    const done = { ...command, attempt: 2, lease: "second", at: Date.now() + 3 * DAY + MINUTE };
    const delivered = { ...done, outcome: { kind: "delivered" }, nonce: "done" } as const;
    expect(await later.record(delivered)).toMatchObject({ kind: "recorded" });
    expectTtl(await left(`d:${command.delivery}`), SHORT.delivery);
    expect(await left(`t:${task.id}`)).toBeGreaterThan(DAY);
  });

  test("keeps a task whose dead letter is sent again, and files dead letters as long as their deliveries", async () => {
    const lease = "delivery-lease";
    const deliveries = [newDelivery(lease)];
    const { store, caller, task, left, indexes, told } = await ended(SHORT, "succeeded", { deliveries });
    const at = Date.now();
    const [project, delivery] = [caller.project, told[0]?.id ?? ""];
    const outcome = { kind: "dead" } as const;
    const rest = { lease, attempt: 1, log: "{}", verdict: {}, deliveries: [], nonce: "dead" };
    expect(await store.record({ project, delivery, outcome, at, ...rest })).toEqual({ kind: "recorded" });
    expectTtl(await left(`d:${delivery}`), SHORT.delivery);
    expect(await left(`dead:callback:${Math.floor(at / HOUR)}`)).toBeGreaterThan(SHORT.delivery);
    const again = { caller, scope: "tasks:write", delivery, endedAt: at, nonce: "again" } as const;
    const answer = await store.redeliver({ ...again, delay: 4 * DAY });
    expect(answer).toMatchObject({ kind: "found", record: { status: "pending" } });
    expect(await left(`d:${delivery}`)).toBe(-1);
    expectTtl(await left(`t:${task.id}`), 4 * DAY + 25 * HOUR);
    for (const index of indexes) expect(await left(index), index).toBeGreaterThan(4 * DAY + 24 * HOUR);
  });

  test("never shortens what an earlier, longer retention has set", async () => {
    const long: Retention = { ...SHORT, task: { ...SHORT.task, failed: 80 * DAY } };
    const { caller, task, left } = await ended(long, "failed");
    const index = `x:${Math.floor(task.createdAt / HOUR)}`;
    const before = await left(index);
    const store = keeping(SHORT);
    const next = await accepted(store, caller);
    const held = await claimed(store, next, "next");
    const command = succeeded(held.record, "next");
    const outcome = { kind: "failed", endedAt: Date.now(), resultTtl: MINUTE, deliveries: [] } as const;
    expect(await store.end({ ...command, outcome })).toMatchObject({ kind: "ended" });
    expect(await left(index)).toBeGreaterThan(before - MINUTE);
    expectTtl(await left(`t:${task.id}`), 80 * DAY);
    expect(await left(`${index}:failed`)).toBeGreaterThan(80 * DAY);
  });

  test("lists a task with a long deadline and a long result as long as it may be kept", async () => {
    const store = keeping(DEFAULT_RETENTION);
    const caller = await freshProject(store);
    await accepted(store, caller);
    const task = await accepted(store, caller, { options: { deadline: 20 * DAY, resultTtl: 30 * DAY } });
    const index = `x:${Math.floor(task.createdAt / HOUR)}`;
    expect(await ttlOf(index, caller.project)).toBeGreaterThan(50 * DAY);
  });
});
