import { describe, expect, test } from "vitest";
import type { EndCommand, RecordCallCommand, RecordPollCommand } from "../../src/ports/commands/task.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import { accepted, claimed, environments, succeeded } from "./store-fixture.ts";

const HOUR = 3_600_000;

/** What notes that the queue calls a service for this attempt. */
function calling(record: TaskRecord, rest: Partial<RecordCallCommand> = {}): RecordCallCommand {
  const { project, id: task, run } = record;
  return { project, task, run, attempt: record.attempt + 1, message: "msg_1", length: HOUR, ...rest };
}

/** The words with which a task is left to be polled. */
function polled(record: TaskRecord, url: string): EndCommand {
  const poll = { url, service: "render" };
  const outcome = { kind: "waiting", deliveries: [], poll, heartbeat: 60_000 } as const;
  return {
    ...succeeded(record, ""),
    authority: { by: "token", attempt: record.attempt, sequence: record.sequence },
    outcome,
    actor: "service",
  };
}

describe.each(await environments())(
  "the scripts of services on the %s engine",
  (_kind, { store, caller, at, dueOf, redis }) => {
    const readTask = async (id: string): Promise<TaskRecord> => {
      const found = await store.readTask(caller, id, { result: true });
      if (found.kind !== "found") throw new Error(found.kind);
      return found.record;
    };
    /** Everything that is kept of the task. */
    const stored = (id: string) => redis("HGETALL", `rb1:000:${caller.project}:t:${id}`);
    const leaseOf = async (id: string) =>
      Number(await redis("HGET", `rb1:000:${caller.project}:t:${id}`, "until"));
    const begun = async (rest: Partial<RecordCallCommand> = {}) => {
      const answer = await store.recordCall(calling(await accepted(store, caller), rest));
      if (answer.kind !== "published") throw new Error(answer.kind);
      return answer;
    };

    describe("published", () => {
      test("begins the attempt and covers the call by a lease; sent twice it does so once", async () => {
        const record = await accepted(store, caller);
        const first = await store.recordCall(calling(record));
        if (first.kind !== "published") throw new Error(first.kind);
        expect(first.record).toMatchObject({ status: "running", attempt: 1, sequence: 2, calls: ["msg_1"] });
        const due = await dueOf(caller.project, record.id);
        expect(due).toBeGreaterThan(first.now + HOUR);
        const before = await stored(record.id);
        const again = await store.recordCall(calling(record));
        expect(again).toMatchObject({ kind: "published", record: { attempt: 1, sequence: 2 } });
        expect(await stored(record.id)).toBe(before);
        expect(await dueOf(caller.project, record.id)).toBe(due);
        expect((await readTask(record.id)).timeline.map(({ type }) => type)).toEqual([
          "task.created",
          "task.started",
        ]);
      });

      test("of an attempt that runs it adds the message and never shortens the lease", async () => {
        const { record, now } = await begun();
        const held = calling(record, { attempt: 1, message: "msg_2", length: 1_000 });
        const second = await store.recordCall(held);
        expect(second).toMatchObject({
          kind: "published",
          record: { sequence: 2, calls: ["msg_1", "msg_2"] },
        });
        expect(await leaseOf(record.id)).toBeGreaterThanOrEqual(now + HOUR);
        const longer = calling(record, { attempt: 1, message: "msg_3", length: 2 * HOUR });
        await store.recordCall(longer);
        expect(await leaseOf(record.id)).toBeGreaterThan(now + 1.9 * HOUR);
      });

      test("of an attempt that a worker holds it takes the lease on", async () => {
        const held = await claimed(store, await accepted(store, caller), "mine");
        const command = calling(held.record, { attempt: 1 });
        expect(await store.recordCall(command)).toMatchObject({ kind: "published", record: { sequence: 2 } });
        expect(await leaseOf(held.record.id)).toBeGreaterThan(held.now + 0.9 * HOUR);
        expect(await store.recordCall({ ...command, attempt: 2 })).toEqual({ kind: "stale" });
      });

      test("a message that the queue still holds prolongs the lease and forgives the crashes", async () => {
        const { record } = await begun({ length: 1_000 });
        const later = at(10 * 60_000);
        const { record: taken } = await claimed(later, record, "sweep", 1);
        expect(taken.crashes).toBe(1);
        // The very message that is known.
        const answer = await later.recordCall(calling(record, { attempt: 1, held: true }));
        expect(answer).toMatchObject({ kind: "published", record: { calls: ["msg_1"], crashes: 0 } });
        expect(await leaseOf(record.id)).toBeGreaterThan(Date.now() + HOUR);
      });

      test("is stale for another run or attempt, after the deadline, and when no attempt is left", async () => {
        const record = await accepted(store, caller, { maxAttempts: 1, options: { deadline: 10_000 } });
        const before = await stored(record.id);
        for (const rest of [{ run: 2 }, { attempt: 2 }, { attempt: 3 }, { attempt: 0 }]) {
          expect(await store.recordCall(calling(record, rest))).toEqual({ kind: "stale" });
        }
        expect(await at(10_001).recordCall(calling(record))).toEqual({ kind: "stale" });
        expect(await stored(record.id)).toBe(before);
      });

      test("tells of a task that has ended, with its deliveries, and of one that is gone", async () => {
        const { record } = await begun();
        const end = {
          ...succeeded(record, ""),
          authority: { by: "token", attempt: 1, sequence: 2 },
        } as const;
        expect(await store.end(end)).toMatchObject({ kind: "ended" });
        const command = calling(record, { attempt: 1, message: "msg_9" });
        expect(await store.recordCall(command)).toEqual({ kind: "already", deliveries: [] });
        const gone = record.id.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
        expect(await store.recordCall({ ...command, task: gone })).toEqual({ kind: "gone" });
      });

      test("changes nothing of a task that waits: its call has been heard", async () => {
        const { record } = await begun();
        await store.end(polled(record, "https://api.example.com/jobs/1"));
        const before = await stored(record.id);
        const command = calling(record, { attempt: 1, message: "msg_late" });
        expect(await store.recordCall(command)).toMatchObject({
          kind: "published",
          record: {
            status: "waiting",
            sequence: 3,
            poll: { number: 1, url: "https://api.example.com/jobs/1" },
          },
        });
        expect(await stored(record.id)).toBe(before);
      });
    });

    describe("polling", () => {
      const waiting = async (options: TaskRecord["options"] = { deadline: 2 * HOUR }) => {
        const answer = await store.recordCall(calling(await accepted(store, caller, { options })));
        if (answer.kind !== "published") throw new Error(answer.kind);
        await store.end(polled(answer.record, "https://api.example.com/jobs/1"));
        return readTask(answer.record.id);
      };
      const next = (
        record: TaskRecord,
        number: number,
        rest: Partial<RecordPollCommand> = {},
      ): RecordPollCommand => {
        const url = `https://api.example.com/jobs/${number}`;
        const nonce = crypto.randomUUID();
        return { record, number, url, service: "render", length: 30_000, nonce, ...rest };
      };

      test("notes the next address and when its answer is due; sent twice it does so once", async () => {
        const record = await waiting();
        const command = next(record, 2);
        expect(await store.recordPoll(command)).toBe(true);
        const after = await readTask(record.id);
        expect(after).toMatchObject({
          status: "waiting",
          sequence: 3,
          poll: { number: 2, url: command.url, service: "render" },
        });
        const due = await dueOf(caller.project, record.id);
        expect(due).toBe(after.heartbeatBy);
        expect(due).toBeGreaterThan(Date.now() + 29_000);
        const before = await stored(record.id);
        expect(await store.recordPoll(command)).toBe(true);
        expect(await stored(record.id)).toBe(before);
        expect(await dueOf(caller.project, record.id)).toBe(due);
      });

      test("of two who were told of one poll, one asks next", async () => {
        const record = await waiting();
        const both = await Promise.all([
          store.recordPoll(next(record, 2)),
          store.recordPoll(next(record, 2)),
        ]);
        expect(both.toSorted()).toEqual([false, true]);
        expect(await store.recordPoll(next(record, 3))).toBe(true);
      });

      test("is refused out of turn, of another attempt or run, and past the deadline", async () => {
        const record = await waiting({ deadline: 60_000 });
        const before = await stored(record.id);
        expect(await store.recordPoll(next(record, 1))).toBe(false);
        expect(await store.recordPoll(next(record, 3))).toBe(false);
        expect(await store.recordPoll(next({ ...record, attempt: 2 }, 2))).toBe(false);
        expect(await store.recordPoll(next({ ...record, run: 2 }, 2))).toBe(false);
        expect(await at(60_001).recordPoll(next(record, 2))).toBe(false);
        expect(await stored(record.id)).toBe(before);
      });

      test("is not noted beyond the deadline, which the due entry keeps", async () => {
        const record = await waiting({ deadline: 60_000 });
        expect(await store.recordPoll(next(record, 2, { length: HOUR }))).toBe(true);
        expect(await dueOf(caller.project, record.id)).toBe(record.deadlineAt);
      });

      test("ends with the task", async () => {
        const record = await waiting();
        const end = {
          ...succeeded(record, ""),
          authority: { by: "token", attempt: 1, sequence: 3 },
        } as const;
        expect(await store.end(end)).toMatchObject({ kind: "ended" });
        expect(await store.recordPoll(next(record, 2))).toBe(false);
      });

      test("missed, the sweep is told of a poll to repeat", async () => {
        const record = await waiting();
        await store.recordPoll(next(record, 2));
        const member = `t|${caller.project}|${record.id}`;
        expect(await at(29_000).reconcile(0, [member], "n1")).toEqual([{ kind: "none" }]);
        expect(await at(120_000).reconcile(0, [member], "n2")).toMatchObject([{ kind: "silent" }]);
        expect(await readTask(record.id)).toMatchObject({ poll: { number: 2 } });
      });
    });
  },
);
