import { describe, expect, test } from "vitest";
import type { EndCommand } from "../../src/ports/commands/task.ts";
import { system } from "../../src/projects/principal.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import { accepted, claimed, environments, newDelivery, succeeded } from "./store-fixture.ts";

const ASKING = { url: "https://client.example/hooks", events: ["task.started", "task.progress"] };

/** The words with which a handler hands its work on. */
function waiting(record: TaskRecord, lease: string, heartbeat?: number): EndCommand {
  const outcome = { kind: "waiting", deliveries: [], ...(heartbeat !== undefined && { heartbeat }) } as const;
  return { ...succeeded(record, lease), outcome };
}

describe.each(await environments())(
  "the scripts of task tokens on the %s engine",
  (_kind, { store, caller, at, dueOf, redis, openOf }) => {
    const readTask = async (id: string): Promise<TaskRecord> => {
      const found = await store.readTask(caller, id, { result: true });
      if (found.kind !== "found") throw new Error(found.kind);
      return found.record;
    };
    const told = (record: TaskRecord, progress?: { percent: number }) => ({
      project: caller.project,
      task: record.id,
      run: record.run,
      attempt: record.attempt,
      ...(progress && { progress }),
    });

    describe("end", () => {
      test("a task that waits is looked at when its heartbeat is missed, or at its deadline; sent twice it does so once", async () => {
        const held = await claimed(store, await accepted(store, caller), "mine");
        const command = waiting(held.record, "mine", 60_000);
        const first = await store.end(command);
        expect(first).toMatchObject({ kind: "ended", sequence: 3 });
        expect(await store.end(command)).toEqual(first);
        const record = await readTask(held.record.id);
        expect(record.status).toBe("waiting");
        expect(record.heartbeatBy).toBe(await dueOf(caller.project, record.id));
        expect(record.heartbeatBy).toBeGreaterThan(held.now + 59_000);

        const calm = await claimed(store, await accepted(store, caller), "mine");
        await store.end(waiting(calm.record, "mine"));
        expect(await dueOf(caller.project, calm.record.id)).toBe(calm.record.deadlineAt);
      });

      test("the bearer of this attempt's token ends it, running or waiting; another attempt's is stale", async () => {
        const held = await claimed(store, await accepted(store, caller), "mine");
        const word = (sequence: number, attempt = 1): EndCommand => ({
          ...succeeded(held.record, "mine", { result: "7" }),
          authority: { by: "token", attempt, sequence },
          actor: "service",
        });
        expect(await store.end(word(2, 2))).toEqual({ kind: "stale" });
        expect(await store.end(word(1))).toMatchObject({ kind: "changed", record: { sequence: 2 } });
        const open = await openOf();
        const command = word(2);
        const first = await store.end(command);
        expect(first).toMatchObject({ kind: "ended", sequence: 3 });
        expect(await store.end(command)).toEqual(first);
        expect(await openOf()).toBe(open - 1);
        expect(await store.end(waiting(held.record, "mine"))).toEqual({
          kind: "already",
          status: "succeeded",
        });
        expect(await readTask(held.record.id)).toMatchObject({ status: "succeeded", result: { json: "7" } });
      });

      test("a client's key is checked before it ends anything", async () => {
        const held = await claimed(store, await accepted(store, caller), "mine");
        const cancel: EndCommand = {
          record: held.record,
          authority: { by: "sequence", sequence: 2, caller: { ...caller, hash: "00".repeat(32) } },
          outcome: { kind: "canceled", endedAt: Date.now(), resultTtl: 3_600_000, deliveries: [] },
          actor: "client",
          nonce: crypto.randomUUID(),
        };
        expect(await store.end(cancel)).toEqual({ kind: "unauthenticated" });
        expect(await readTask(held.record.id)).toMatchObject({ status: "running" });
        const authority = { by: "sequence", sequence: 2, caller } as const;
        expect(await store.end({ ...cancel, authority })).toMatchObject({ kind: "ended" });
        const { project, id: task } = held.record;
        expect(await store.renew({ project, task, run: 1, attempt: 1, lease: "mine" })).toEqual({
          kind: "lost",
        });
      });

      test("keeps what was announced since its caller read the task, and what the handler said last", async () => {
        const held = await claimed(store, await accepted(store, caller), "mine");
        const [started, ended] = [newDelivery("a"), newDelivery("b")];
        await store.announce({ record: held.record, lease: "mine", deliveries: [started] });
        const command = succeeded(held.record, "mine", { deliveries: [ended] });
        await store.end({ ...command, progress: { percent: 100, at: 5 } });
        const record = await readTask(held.record.id);
        expect(record.deliveries).toEqual([started.id, ended.id]);
        expect(record.progress).toEqual({ percent: 100, at: 5 });
      });
    });

    describe("report", () => {
      test("a heartbeat has a clock of its own, and progress counts as one", async () => {
        const held = await claimed(store, await accepted(store, caller), "mine");
        const { record } = held;
        expect(await store.report(told(record))).toMatchObject({ kind: "reported" });
        expect((await readTask(record.id)).heartbeatBy).toBeUndefined();
        await store.end(waiting(record, "mine", 60_000));
        const beat = await at(50_000).report(told(record));
        expect(beat).toMatchObject({ kind: "reported", deadlineAt: record.deadlineAt });
        expect(await dueOf(caller.project, record.id)).toBeGreaterThan(held.now + 109_000);
        const said = await at(100_000).report(told(record, { percent: 40 }));
        if (said.kind !== "reported") throw new Error(said.kind);
        expect(said.record).toMatchObject({ progress: { percent: 40, at: said.now } });
        expect(await readTask(record.id)).toMatchObject({
          sequence: 3,
          progress: { percent: 40, at: said.now },
          heartbeatBy: said.now + 60_000,
        });
        const member = `t|${caller.project}|${record.id}`;
        expect(await at(159_000).reconcile(0, [member], "n1")).toEqual([{ kind: "none" }]);
        expect(await at(161_000).reconcile(0, [member], "n2")).toMatchObject([{ kind: "silent" }]);
      });

      test("the clock of an attempt that was missed does not run in the next one", async () => {
        const held = await claimed(store, await accepted(store, caller), "mine");
        await store.end(waiting(held.record, "mine", 1_000));
        const error = { code: "heartbeat-timeout", message: "silent", retryable: true };
        const missed: EndCommand = {
          ...succeeded(held.record, "mine"),
          authority: { by: "sequence", sequence: 3, caller: system(caller.project) },
          outcome: { kind: "retry", delay: 0, error },
        };
        expect(await store.end(missed)).toMatchObject({ kind: "ended" });
        const second = await claimed(store, await readTask(held.record.id), "second");
        await store.end(waiting(second.record, "second"));
        const record = await readTask(held.record.id);
        expect(record).toMatchObject({ status: "waiting", attempt: 2 });
        expect(record.heartbeatBy).toBeUndefined();
        const member = `t|${caller.project}|${record.id}`;
        expect(await at(3_600_000).reconcile(0, [member], "n")).toEqual([{ kind: "none" }]);
      });

      test("an older run or attempt is stale, an ended task and a deadline that has passed are over", async () => {
        const record = await accepted(store, caller, { options: { deadline: 60_000 } });
        expect(await store.report({ ...told(record), attempt: 0 })).toEqual({ kind: "stale" });
        const held = await claimed(store, record, "mine");
        expect(await store.report({ ...told(held.record), attempt: 2 })).toEqual({ kind: "stale" });
        expect(await store.report({ ...told(held.record), run: 2 })).toEqual({ kind: "stale" });
        expect(await at(61_000).report(told(held.record))).toEqual({ kind: "ended", status: "expired" });
        await store.end(succeeded(held.record, "mine"));
        expect(await store.report(told(held.record))).toEqual({ kind: "ended", status: "succeeded" });
        expect(await store.report({ ...told(held.record), task: newDelivery().id })).toEqual({
          kind: "gone",
        });
      });

      test("hands task and configuration back with progress that may be told of, at most twice a second", async () => {
        const held = await claimed(store, await accepted(store, caller, { callback: ASKING }), "mine");
        const said = await store.report(told(held.record, { percent: 1 }));
        if (said.kind !== "reported" || !said.record) throw new Error("no record");
        expect(said.record.progress).toEqual({ percent: 1, at: said.now });
        expect(said.config).toEqual({ version: 1, json: '{"signing":[]}' });
        const delivery = { ...newDelivery(), once: true };
        expect(await store.announce({ record: said.record, deliveries: [delivery] })).toMatchObject({
          kind: "opened",
        });
        const soon = await store.report(told(held.record, { percent: 2 }));
        expect(soon).not.toHaveProperty("record");
        expect(await at(600).report(told(held.record, { percent: 3 }))).toMatchObject({
          record: { progressDeliveries: [delivery.id] },
        });
      });
    });

    describe("announce", () => {
      test("opens a delivery that the lease's holder sends; sent twice it does so once, and a takeover finds it", async () => {
        const held = await claimed(store, await accepted(store, caller, { callback: ASKING }), "mine");
        const delivery = newDelivery("first");
        const command = { record: held.record, lease: "mine", deliveries: [delivery] };
        const first = await store.announce(command);
        expect(first).toMatchObject({ kind: "opened" });
        expect(await store.announce(command)).toMatchObject({ kind: "opened" });
        const { deliveries, sequence } = await readTask(held.record.id);
        expect(deliveries).toEqual([delivery.id]);
        expect(sequence).toBe(held.record.sequence);
        expect(await dueOf(caller.project, delivery.id)).toBeGreaterThan(held.now + 20_000);
        const again = { ...command, deliveries: [{ ...delivery, lease: { id: "other", length: 1 } }] };
        expect(await store.announce(again)).toEqual({ kind: "known" });
      });

      test("is refused to whoever has lost the lease, and once the attempt is over", async () => {
        const held = await claimed(store, await accepted(store, caller), "mine");
        const command = { record: held.record, lease: "mine", deliveries: [newDelivery("x")] };
        expect(await store.announce({ ...command, lease: "other" })).toEqual({ kind: "stale" });
        expect(await store.announce({ ...command, record: { ...held.record, run: 2 } })).toEqual({
          kind: "stale",
        });
        await store.end(succeeded(held.record, "mine"));
        expect(await store.announce(command)).toEqual({ kind: "stale" });
      });

      test("of a task's progress one delivery is kept, the newest: what it overtook is gone with its due entry", async () => {
        const held = await claimed(store, await accepted(store, caller, { callback: ASKING }), "mine");
        const [one, two] = [newDelivery(), newDelivery()].map((delivery) => ({ ...delivery, once: true }));
        if (!one || !two) throw new Error("none");
        const { record } = held;
        expect(await store.announce({ record, lease: "mine", deliveries: [one] })).toMatchObject({
          kind: "opened",
        });
        expect(await store.announce({ record, lease: "mine", deliveries: [two] })).toEqual({ kind: "early" });
        const late = at(600);
        expect(await late.announce({ record, lease: "mine", deliveries: [two] })).toEqual({
          kind: "changed",
          newest: [one.id],
        });
        const current = { ...record, progressDeliveries: [one.id] };
        const command = { record: current, lease: "mine", deliveries: [two] };
        expect(await late.announce(command)).toMatchObject({ kind: "opened" });
        expect(await late.announce(command)).toMatchObject({ kind: "opened" });
        expect(await readTask(record.id)).toMatchObject({ deliveries: [], progressDeliveries: [two.id] });
        expect(await redis("EXISTS", `rb1:000:${caller.project}:d:${one.id}`)).toBe("0");
        expect(await dueOf(caller.project, one.id)).toBeUndefined();
        expect(await dueOf(caller.project, two.id)).toBeDefined();
      });
    });
  },
);
