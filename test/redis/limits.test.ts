import { describe, expect, test } from "vitest";
import type { TypeLimits } from "../../src/ports/commands/task.ts";
import { system } from "../../src/projects/principal.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import { accepted, environments, freshProject, succeeded } from "./store-fixture.ts";

const unique = () => `limited.${crypto.randomUUID()}`;

describe.each(await environments())(
  "limits of a type on the %s engine",
  (_kind, { store, at, redis, dueOf }) => {
    const limited = (type: string, limits: Partial<TypeLimits> = {}): TypeLimits => ({
      type,
      concurrency: 1,
      keyed: false,
      ...limits,
    });
    const start = (
      record: TaskRecord,
      limits: TypeLimits,
      over = store,
      lease: string = crypto.randomUUID(),
    ) =>
      over.claim({
        project: record.project,
        task: record.id,
        run: 1,
        attempt: record.attempt + 1,
        lease,
        limits,
      });
    const make = async (type: string) => accepted(store, await freshProject(store), { type });

    test("so many run at a time, whatever their projects; one that ends makes room", async () => {
      const type = unique();
      const [first, second] = [await make(type), await make(type)];
      const held = await start(first, limited(type), store, "mine");
      expect(held).toMatchObject({ kind: "claimed", record: { held: true } });
      expect(await start(first, limited(type), store, "mine")).toMatchObject({ kind: "claimed" });
      const busy = await start(second, limited(type));
      expect(busy.kind).toBe("busy");
      if (busy.kind === "busy") {
        expect(busy.retryAfter).toBeGreaterThanOrEqual(1_000);
        expect(busy.retryAfter).toBeLessThanOrEqual(5_000);
      }
      if (held.kind !== "claimed") throw new Error(held.kind);
      const command = succeeded(held.record, "mine");
      expect((await store.end(command)).kind).toBe("ended");
      expect((await store.end(command)).kind).toBe("ended");
      expect(await start(second, limited(type))).toMatchObject({ kind: "claimed" });
    });

    test("a retry gives the place back, and what was held back is looked at again soon", async () => {
      const type = unique();
      const [first, second] = [await make(type), await make(type)];
      const held = await start(first, limited(type), store, "mine");
      if (held.kind !== "claimed") throw new Error(held.kind);
      for (const time of [40_000, 110_000, 230_000]) {
        await at(time).reconcile(0, [`t|${second.project}|${second.id}`], `sweep-${type}-${time}`);
      }
      expect(await dueOf(second.project, second.id)).toBeGreaterThan(Date.now() + 100_000);
      expect((await start(second, limited(type))).kind).toBe("busy");
      const due = (await dueOf(second.project, second.id)) ?? 0;
      expect(due).toBeGreaterThan(Date.now() + 25_000);
      expect(due).toBeLessThanOrEqual(Date.now() + 30_000);
      await store.end({
        ...succeeded(held.record, "mine"),
        outcome: { kind: "retry", delay: 0, error: { code: "flaky", message: "again", retryable: true } },
      });
      expect((await start(second, limited(type))).kind).toBe("claimed");
    });

    test("who has given its place back holds none, whether it is tried again, waits or has ended", async () => {
      const error = { code: "flaky", message: "again", retryable: true };
      const outcomes = [
        { kind: "retry", delay: 0, error },
        { kind: "waiting", heartbeat: 0, deliveries: [] },
        { kind: "succeeded", endedAt: Date.now(), resultTtl: 1_000, deliveries: [] },
      ] as const;
      for (const outcome of outcomes) {
        const type = unique();
        const record = await make(type);
        const held = await start(record, limited(type), store, "mine");
        if (held.kind !== "claimed") throw new Error(held.kind);
        const key = `rb1:000:${record.project}:t:${record.id}`;
        expect(await redis("HGET", key, "held")).toBe("1");
        expect((await store.end({ ...succeeded(held.record, "mine"), outcome })).kind).toBe("ended");
        expect([outcome.kind, await redis("HGET", key, "held")]).toEqual([outcome.kind, ""]);
      }
    });

    test("a place lasts as long as its lease: a lapsed one is free, a renewed one is not", async () => {
      const type = unique();
      const [first, second] = [await make(type), await make(type)];
      const held = await start(first, limited(type), store, "mine");
      if (held.kind !== "claimed") throw new Error(held.kind);
      const { project, id: task } = first;
      const renewed = { project, task, run: 1, attempt: 1, lease: "mine", held: type };
      expect((await at(20_000).renew(renewed)).kind).toBe("renewed");
      expect((await start(second, limited(type), at(40_000))).kind).toBe("busy");
      expect((await start(second, limited(type), at(51_000))).kind).toBe("claimed");
    });

    test("who ends a task without its lease leaves the place to the handler that may still be at work", async () => {
      const type = unique();
      const [first, second] = [await make(type), await make(type)];
      const held = await start(first, limited(type), store, "mine");
      if (held.kind !== "claimed") throw new Error(held.kind);
      const { record } = held;
      await store.end({
        ...succeeded(record, "mine"),
        authority: { by: "sequence", sequence: record.sequence, caller: system(record.project) },
        outcome: { kind: "canceled", endedAt: Date.now(), resultTtl: 1_000, deliveries: [] },
      });
      expect((await start(second, limited(type))).kind).toBe("busy");
      expect((await start(second, limited(type), at(31_000))).kind).toBe("claimed");
    });

    test("so many start within a period; what waited in its type's own line is counted, not held back", async () => {
      const type = unique();
      const limits = limited(type, { rate: { limit: 2, period: 10_000 }, concurrency: 10 });
      const keyed = { ...limits, keyed: true };
      const tasks = await Promise.all(Array.from({ length: 5 }, () => make(type)));
      const [a, b, c, d, e] = tasks as [TaskRecord, TaskRecord, TaskRecord, TaskRecord, TaskRecord];
      expect((await start(a, keyed)).kind).toBe("claimed");
      expect((await start(b, limits)).kind).toBe("claimed");
      expect((await start(c, keyed)).kind).toBe("busy");
      expect((await start(d, limits)).kind).toBe("claimed");
      expect((await start(e, keyed, at(5_000))).kind).toBe("busy");
      expect((await start(c, keyed, at(11_000))).kind).toBe("claimed");
    });

    test("its sets last no longer than what they hold", async () => {
      const type = unique();
      await start(await make(type), limited(type, { rate: { limit: 1, period: 7_000 } }));
      expect(Number(await redis("PTTL", `rb1:000:running:${type}`))).toBeLessThanOrEqual(30_000);
      expect(Number(await redis("PTTL", `rb1:000:starts:${type}`))).toBeLessThanOrEqual(7_000);
      expect(await redis("ZCARD", `rb1:000:running:${type}`)).toBe("1");
    });

    test("a task whose type has no limits has no place to give back", async () => {
      const record = await make(unique());
      const { project, id: task } = record;
      const held = await store.claim({ project, task, run: 1, attempt: 1, lease: "mine" });
      expect(held.kind === "claimed" && held.record).not.toHaveProperty("held");
    });
  },
);
