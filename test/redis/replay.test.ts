import { describe, expect, test } from "vitest";
import type { ReplayCommand } from "../../src/ports/commands/task.ts";
import { INLINE_LIMIT, TOMBSTONE } from "../../src/shared/limits.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import {
  acceptCommand,
  accepted,
  claimed,
  environments,
  erased,
  freshProject,
  newDelivery,
  succeeded,
} from "./store-fixture.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const print = "cd".repeat(32);

describe.each(await environments())(
  "replay and erase on the %s engine",
  (_kind, { store, caller, at, dueOf, openOf, ttlOf, redis }) => {
    const readTask = async (id: string): Promise<TaskRecord> => {
      const found = await store.readTask(caller, id, { input: true, result: true });
      if (found.kind !== "found") throw new Error(found.kind);
      return found.record;
    };
    const replay = (record: TaskRecord, rest: Partial<ReplayCommand> = {}): ReplayCommand => ({
      caller,
      record,
      maxOpen: 1_000,
      nonce: crypto.randomUUID(),
      ...rest,
    });
    /** A task that has failed, with a delivery on its way. */
    const failed = async (task: Parameters<typeof accepted>[2] = {}) => {
      const held = await claimed(store, await accepted(store, caller, task), "mine");
      const delivery = newDelivery();
      const { outcome, ...command } = succeeded(held.record, "mine", { deliveries: [delivery] });
      const error = { code: "broken", message: "It broke.", retryable: false };
      await store.end({
        ...command,
        outcome: {
          ...outcome,
          kind: "failed",
          error,
          endedAt: Date.now(),
          resultTtl: HOUR,
          deliveries: [delivery],
        },
      });
      return { record: await readTask(held.record.id), delivery };
    };

    /** A task that was canceled, in a project of its own that searches by its metadata. */
    const canceledFar = async (when = store) => {
      const far = await freshProject(store);
      await store.limitProject(far.project, { searchable: ["orderId"] }, crypto.randomUUID());
      const task = await accepted(when, far, { options: { deadline: 30 * DAY } });
      await store.end({
        ...succeeded(task, ""),
        authority: { by: "sequence", sequence: 1, caller: far },
        outcome: {
          kind: when === store ? "canceled" : "expired",
          endedAt: Date.now(),
          resultTtl: 30 * DAY,
          deliveries: [],
        },
      });
      const found = await store.readTask(far, task.id);
      if (found.kind !== "found") throw new Error(found.kind);
      return { far, record: found.record };
    };

    describe("replay", () => {
      test("begins a new run and lifts every TTL; sent twice it does so once", async () => {
        const input = JSON.stringify("y".repeat(INLINE_LIMIT));
        const { record, delivery } = await failed({ input });
        expect(await ttlOf(`t:${record.id}:in`)).toBeGreaterThan(0);
        const open = await openOf();
        const command = replay(record);
        const first = await store.replay(command);
        expect(first).toMatchObject({
          kind: "replayed",
          record: {
            status: "queued",
            run: 2,
            attempt: 0,
            sequence: 4,
            deliveries: [],
            pastDeliveries: [delivery.id],
          },
        });
        expect(await store.replay(command)).toMatchObject({ kind: "replayed", record: { run: 2 } });
        expect(await openOf()).toBe(open + 1);
        const again = await readTask(record.id);
        expect(again.error).toBeUndefined();
        expect(again.endedAt).toBeUndefined();
        expect(again.input.json).toBe(input);
        expect(again.timeline.map(({ run, type }) => `${run} ${type}`)).toEqual([
          "1 task.created",
          "1 task.started",
          "1 task.failed",
          "2 task.replayed",
        ]);
        expect(await ttlOf(`t:${record.id}`)).toBe(-1);
        expect(await ttlOf(`t:${record.id}:in`)).toBe(-1);
        expect(await dueOf(caller.project, record.id)).toBeGreaterThan(Date.now() + 20_000);
        expect(await dueOf(caller.project, delivery.id)).toBeDefined();
        const held = await claimed(store, again, "second");
        await store.end(succeeded(held.record, "second", { result: "2" }));
        expect(await readTask(record.id)).toMatchObject({
          status: "succeeded",
          run: 2,
          result: { json: "2" },
        });
      });

      for (const [what, command] of [
        ["have little time left", "PEXPIRE"],
        ["have gone", "DEL"],
      ] as const) {
        test(`keeps the task on its lists as long as it is kept, where they ${what}`, async () => {
          const { far, record } = await canceledFar();
          const hour = `x:${Math.floor(record.createdAt / HOUR)}`;
          const keys = (await redis("KEYS", `rb1:000:${far.project}:x:*`))?.split(",") ?? [];
          expect(keys).toHaveLength(3); // the hour's, the pair's, and that of the end
          const rest = command === "DEL" ? [] : [`${8 * DAY}`];
          for (const key of keys) await redis(command, key, ...rest);
          if (command === "DEL") await redis("DEL", `rb1:000:${far.project}:hours`);
          await store.replay(replay(record, { caller: far }));
          expect(await ttlOf(hour, far.project)).toBeGreaterThan(16 * DAY);
          for (const filter of [{}, { metadata: { orderId: "o-1" } }]) {
            const listed = await store.listTasks(far, undefined, 5, filter);
            expect(listed).toMatchObject({ positions: [{ id: record.id, at: record.createdAt }] });
          }
        });
      }

      test("keeps the task on its lists after a chain of replays that is longer than the hours are kept", async () => {
        const { far, record } = await canceledFar(at(-500 * DAY));
        await store.replay(replay(record, { caller: far }));
        const newer = await accepted(store, far); // the first of its hour: it trims the hours
        expect(await ttlOf("late", far.project)).toBeGreaterThan(16 * DAY);
        for (const filter of [{}, { metadata: { orderId: "o-1" } }, { before: newer.createdAt }]) {
          const listed = await store.listTasks(far, undefined, 5, filter);
          if (listed.kind !== "found") throw new Error(listed.kind);
          const ids = listed.positions.map(({ id }) => id);
          expect(ids.filter((id) => id === record.id)).toEqual([record.id]);
          expect(ids.at(-1)).toBe(record.id);
        }
        const paged = await store.listTasks(far, undefined, 1);
        if (paged.kind !== "found" || !paged.next) throw new Error("there is no second page");
        expect(await store.listTasks(far, paged.next, 1)).toMatchObject({ positions: [{ id: record.id }] });
      });

      test("is refused to a task that has not ended, has moved on, or whose input is no longer kept", async () => {
        const pending = await accepted(store, caller);
        expect(await store.replay(replay(pending))).toEqual({ kind: "pending" });
        const { record } = await failed();
        expect(await store.replay(replay({ ...record, sequence: 2 }))).toMatchObject({
          kind: "changed",
          record: { sequence: 3 },
        });
        expect(await at(2 * HOUR).replay(replay(record))).toEqual({ kind: "expired" });
        expect(await store.replay(replay({ ...record, id: newDelivery().id }))).toMatchObject({
          kind: "missing",
        });
        const forged = { ...caller, hash: "00".repeat(32) };
        expect(await store.replay(replay(record, { caller: forged }))).toEqual({ kind: "unauthenticated" });
        expect(await readTask(record.id)).toMatchObject({ status: "failed", run: 1 });
      });

      test("counts as an open task, and is refused when there are too many", async () => {
        const { record } = await failed();
        await accepted(store, caller);
        expect(await store.replay(replay(record, { maxOpen: 1 }))).toEqual({ kind: "quota" });
      });

      test("one idempotency key begins one run; with another request it is refused", async () => {
        const { record } = await failed();
        const idempotency = { hash: crypto.randomUUID(), fingerprint: print };
        expect(await store.replay(replay(record, { idempotency }))).toMatchObject({ kind: "replayed" });
        expect(await store.replay(replay(record, { idempotency }))).toMatchObject({
          kind: "repeated",
          record: { run: 2 },
        });
        const other = { ...idempotency, fingerprint: "ef".repeat(32) };
        expect(await store.replay(replay(record, { idempotency: other }))).toMatchObject({ kind: "reused" });
        expect((await readTask(record.id)).run).toBe(2);
      });
    });

    describe("erase", () => {
      test("takes everything about a task away, and answers missing from then on", async () => {
        const input = JSON.stringify("y".repeat(INLINE_LIMIT));
        const idempotency = { hash: crypto.randomUUID(), fingerprint: print };
        const answer = await store.accept(acceptCommand(caller, { input }, { idempotency }));
        if (answer.kind !== "accepted") throw new Error(answer.kind);
        const held = await claimed(store, answer.record, "mine");
        const progress = { ...newDelivery(), once: true };
        const [started, ended] = [newDelivery("s"), newDelivery()];
        await store.announce({ record: held.record, lease: "mine", deliveries: [started] });
        await store.announce({ record: held.record, lease: "mine", deliveries: [progress] });
        const result = JSON.stringify("z".repeat(INLINE_LIMIT));
        await store.end(succeeded(held.record, "mine", { result, deliveries: [ended] }));
        const record = await readTask(held.record.id);
        const { project } = caller;
        const left = async () => {
          const keys = await redis("KEYS", `rb1:000:${project}:*`);
          const ids = [record.id, started.id, ended.id, progress.id, idempotency.hash];
          return ids.filter((id) => keys?.includes(id));
        };
        expect(await left()).toHaveLength(5);
        expect(await store.deleteTask({ caller, record: { ...record, sequence: 2 } })).toMatchObject({
          kind: "changed",
        });
        expect(await erased(store, { caller, record })).toEqual({ kind: "erased" });
        expect(await store.deleteTask({ caller, record })).toMatchObject({ kind: "missing" });
        // For some minutes it is known that there was such a task, and nothing of what it was.
        expect(await left()).toEqual([idempotency.hash]);
        expect(await redis("GET", `rb1:000:${project}:idem:${idempotency.hash}`)).toBe(`- ${record.id}`);
        for (const id of [record.id, started.id, ended.id, progress.id]) {
          expect(await dueOf(project, id)).toBeUndefined();
        }
        const page = await store.listTasks(caller, undefined, 100);
        if (page.kind !== "found") throw new Error(page.kind);
        expect(page.positions.map(({ id }) => id)).not.toContain(record.id);
      });

      test.each(["with", "without"])(
        "%s an idempotency key: what accepted it comes once more, late, and accepts nothing",
        async (how) => {
          const idempotency = { hash: crypto.randomUUID(), fingerprint: print };
          const command = acceptCommand(caller, {}, how === "with" ? { idempotency } : {});
          const answer = await store.accept(command);
          if (answer.kind !== "accepted") throw new Error(answer.kind);
          const held = await claimed(store, answer.record, "mine");
          await store.end(succeeded(held.record, "mine"));
          const [record, open] = [await readTask(held.record.id), await openOf()];
          expect(await store.deleteTask({ caller, record })).toEqual({ kind: "erased" });
          expect(await store.accept(command)).toEqual({ kind: "erased", id: record.id });
          expect(await store.readTask(caller, record.id)).toMatchObject({ kind: "missing" });
          expect(await dueOf(caller.project, record.id)).toBeUndefined();
          expect(await openOf()).toBe(open);
          const left = await ttlOf(how === "with" ? `idem:${idempotency.hash}` : `t:${record.id}`);
          expect(left).toBeGreaterThan(0);
          expect(left).toBeLessThanOrEqual(TOMBSTONE);
          const anew = await store.accept(acceptCommand(caller, {}, { idempotency }));
          // For so long the key is not free: a client's own request may be on its way twice, too.
          expect(anew).toMatchObject(
            how === "with" ? { kind: "erased", id: record.id } : { kind: "accepted" },
          );
        },
      );

      test("leaves the idempotency key of another task alone, which took it a day later", async () => {
        const idempotency = { hash: crypto.randomUUID(), fingerprint: print };
        const first = await store.accept(acceptCommand(caller, {}, { idempotency }));
        if (first.kind !== "accepted") throw new Error(first.kind);
        const held = await claimed(store, first.record, "mine");
        await store.end(succeeded(held.record, "mine"));
        await redis("DEL", `rb1:000:${caller.project}:idem:${idempotency.hash}`); // its day is over
        const second = await store.accept(acceptCommand(caller, {}, { idempotency }));
        if (second.kind !== "accepted") throw new Error(second.kind);
        await store.deleteTask({ caller, record: await readTask(first.record.id) });
        expect(await store.accept(acceptCommand(caller, {}, { idempotency }))).toEqual({
          kind: "replayed",
          id: second.record.id,
        });
      });

      test("takes the deliveries and results of every run away", async () => {
        const { record, delivery } = await failed();
        const begun = await store.replay(replay(record));
        if (begun.kind !== "replayed") throw new Error(begun.kind);
        const held = await claimed(store, begun.record, "second");
        const second = newDelivery();
        await store.end(succeeded(held.record, "second", { deliveries: [second] }));
        expect(await erased(store, { caller, record: await readTask(record.id) })).toEqual({
          kind: "erased",
        });
        const found = await store.readDeliveries(caller, [delivery.id, second.id]);
        expect(found).toMatchObject({ records: [] });
      });

      test("is refused while the task has not ended, and to a key that may not", async () => {
        const record = await accepted(store, caller);
        expect(await store.deleteTask({ caller, record })).toEqual({ kind: "pending" });
        const forged = { ...caller, hash: "00".repeat(32) };
        expect(await store.deleteTask({ caller: forged, record })).toEqual({ kind: "unauthenticated" });
      });
    });
  },
);
