import { describe, expect, test } from "vitest";
import { accepted, claimed, environments, succeeded } from "./store-fixture.ts";

const HOUR = 3_600_000;

describe.each(await environments())(
  "claim scripts on the %s engine",
  (_kind, { store, caller, at, dueOf }) => {
    describe("claim", () => {
      test("leases the attempt that the message names, once, and answers its sender the same again", async () => {
        const record = await accepted(store, caller);
        const first = await claimed(store, record, "lease-1");
        expect(first.record).toMatchObject({
          status: "running",
          attempt: 1,
          sequence: 2,
          crashes: 0,
          lease: "lease-1",
        });
        expect(first.config).toEqual({ version: 1, json: '{"signing":[]}' });
        const again = await claimed(store, record, "lease-1");
        expect(again.record).toEqual(first.record);
        const message = { project: caller.project, task: record.id, run: 1, attempt: 1, lease: "lease-2" };
        expect(await store.claim(message)).toMatchObject({ kind: "busy" });
        expect(await store.claim({ ...message, run: 2 })).toEqual({ kind: "stale" });
      });

      test("an unknown task is gone, another attempt is stale, an early one is told when", async () => {
        const record = await accepted(store, caller, { start: { kind: "delay", delay: 60_000 } });
        const message = { project: caller.project, task: record.id, run: 1, attempt: 1, lease: "l" };
        expect(await store.claim({ ...message, task: "task_00000000000000000000000000" })).toEqual({
          kind: "gone",
        });
        expect(await store.claim({ ...message, attempt: 2 })).toEqual({ kind: "stale" });
        const early = await store.claim(message);
        expect(early).toMatchObject({ kind: "early" });
        expect(early.kind === "early" && early.retryAfter).toBeGreaterThan(55_000);
        expect((await at(59_500).claim(message)).kind).toBe("claimed");
      });

      test("a lapsed lease is taken over: the same attempt, a crash more, the old holder's words change nothing", async () => {
        const record = await accepted(store, caller);
        const first = await claimed(store, record, "old");
        const later = at(31_000);
        const second = await claimed(later, record, "new");
        expect(second.record).toMatchObject({ attempt: 1, crashes: 1, lease: "new" });
        expect(await store.end(succeeded(first.record, "old"))).toEqual({ kind: "stale" });
        expect(
          await later.renew({ project: caller.project, task: record.id, run: 1, attempt: 1, lease: "old" }),
        ).toEqual({ kind: "lost" });
      });

      test("a claim soon after the start leaves the due entry, and the sweep then finds the lease", async () => {
        const record = await accepted(store, caller);
        const due = await dueOf(caller.project, record.id);
        const held = await claimed(at(20_000), record, "mine");
        expect(await dueOf(caller.project, record.id)).toBe(due);
        const [action] = await at(31_000).reconcile(0, [`t|${caller.project}|${record.id}`], "look");
        expect(action).toEqual({ kind: "none" });
        // It looks again as soon as the lease may have ended.
        expect(await dueOf(caller.project, record.id)).toBe(held.now + 32_000);
      });

      test("a claim of a task that a sweep has postponed is due when its lease has ended", async () => {
        const record = await accepted(store, caller);
        await at(31_000).reconcile(0, [`t|${caller.project}|${record.id}`], "look");
        const postponed = await dueOf(caller.project, record.id);
        const held = await claimed(at(32_000), record, "mine");
        const due = await dueOf(caller.project, record.id);
        expect(due).toBe(held.now + 32_000);
        expect(due).not.toBe(postponed);
      });

      test("after three crashes it is exhausted; past the deadline it is expired; both change nothing", async () => {
        const record = await accepted(store, caller);
        for (let crash = 0; crash <= 3; crash++) await claimed(at(crash * 31_000), record, `lease-${crash}`);
        const last = { project: caller.project, task: record.id, run: 1, attempt: 1, lease: "last" };
        expect(await at(4 * 31_000).claim(last)).toMatchObject({
          kind: "exhausted",
          record: { crashes: 3, lease: "lease-3" },
        });
        expect(await at(25 * HOUR).claim(last)).toMatchObject({
          kind: "expired",
          record: { lease: "lease-3" },
        });
      });
    });

    test("renew lengthens the lease, carries progress, and tells of the deadline", async () => {
      const record = await accepted(store, caller);
      await claimed(store, record, "mine");
      const command = { project: caller.project, task: record.id, run: 1, attempt: 1, lease: "mine" };
      const progress = { percent: 40, message: "halfway <noscript>", at: Date.now() };
      expect(await at(20_000).renew({ ...command, progress })).toMatchObject({ kind: "renewed" });
      expect(await at(20_000).renew({ ...command, progress })).toMatchObject({ kind: "renewed" });
      expect(await at(40_000).claim({ ...command, lease: "other" })).toMatchObject({ kind: "busy" });
      expect(await store.readTask(caller, record.id)).toMatchObject({ record: { progress, sequence: 2 } });
      expect(await at(25 * HOUR).renew(command)).toEqual({ kind: "expired" });
    });
  },
);
