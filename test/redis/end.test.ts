import { describe, expect, test } from "vitest";
import type { EndCommand } from "../../src/ports/commands/task.ts";
import { system } from "../../src/projects/principal.ts";
import { INLINE_LIMIT } from "../../src/shared/limits.ts";
import { accepted, claimed, environments, newDelivery, succeeded } from "./store-fixture.ts";

const HOUR = 3_600_000;

describe.each(await environments())(
  "end scripts on the %s engine",
  (_kind, { store, caller, at, dueOf, openOf, ttlOf }) => {
    describe("end", () => {
      test("ends the task, opens its deliveries, takes its due entry away and counts down; sent twice it does so once", async () => {
        const record = await accepted(store, caller);
        const held = await claimed(store, record, "mine");
        const delivery = newDelivery("delivery-lease");
        const open = await openOf();
        const command = succeeded(held.record, "mine", { result: '{"ok":true}', deliveries: [delivery] });
        const first = await store.end(command);
        expect(first).toMatchObject({ kind: "ended", sequence: 3 });
        expect(await store.end(command)).toEqual(first);
        expect(await openOf()).toBe(open - 1);
        expect(await dueOf(caller.project, record.id)).toBeUndefined();
        expect(await dueOf(caller.project, delivery.id)).toBeGreaterThan(Date.now() + 20_000);
        expect(await ttlOf(`t:${record.id}`)).toBeGreaterThan(6 * 24 * HOUR);
        expect(await ttlOf(`d:${delivery.id}`)).toBe(-1);
        const read = await store.readTask(caller, record.id, { result: true });
        expect(read).toMatchObject({
          record: { status: "succeeded", result: { json: '{"ok":true}' }, deliveries: [delivery.id] },
        });
        expect(await store.end({ ...command, nonce: "another" })).toEqual({
          kind: "already",
          status: "succeeded",
        });
        expect(
          await store.claim({ project: caller.project, task: record.id, run: 1, attempt: 1, lease: "x" }),
        ).toEqual({
          kind: "ended",
          deliveries: [delivery.id],
        });
      });

      test("one idempotency key cancels one run: told again it names the task, and leaves a later run alone", async () => {
        const record = await accepted(store, caller);
        const idempotency = { hash: crypto.randomUUID(), fingerprint: "f1" };
        const command: EndCommand = {
          record,
          authority: { by: "sequence", sequence: record.sequence, caller },
          outcome: { kind: "canceled", endedAt: Date.now(), resultTtl: HOUR, deliveries: [] },
          idempotency,
          actor: "client",
          nonce: "one",
        };
        const first = await store.end(command);
        expect(first.kind).toBe("ended");
        expect(await store.end(command)).toEqual(first);
        expect(await store.end({ ...command, nonce: "two" })).toMatchObject({
          kind: "repeated",
          record: { status: "canceled" },
        });
        const other = { ...command, idempotency: { ...idempotency, fingerprint: "f2" }, nonce: "three" };
        expect((await store.end(other)).kind).toBe("reused");
        const read = await store.readTask(caller, record.id);
        const ended = read.kind === "found" ? read.record : record;
        const replayed = await store.replay({ caller, record: ended, maxOpen: 1_000, nonce: "replay" });
        const again = replayed.kind === "replayed" ? replayed.record : record;
        const late: EndCommand = {
          ...command,
          record: again,
          authority: { by: "sequence", sequence: again.sequence, caller },
          nonce: "four",
        };
        expect(await store.end(late)).toMatchObject({
          kind: "repeated",
          record: { status: "queued", run: 2 },
        });
        expect(await ttlOf(`idem:${idempotency.hash}`)).toBeGreaterThan(23 * HOUR);
      });

      test("a cancel that found it canceled holds its key all the same, one that was refused holds none", async () => {
        const record = await accepted(store, caller);
        const cancel = (hash: string, sequence: number, nonce: string): EndCommand => ({
          record,
          authority: { by: "sequence", sequence, caller },
          outcome: { kind: "canceled", endedAt: Date.now(), resultTtl: HOUR, deliveries: [] },
          idempotency: { hash, fingerprint: "f" },
          actor: "client",
          nonce,
        });
        const [moved, twice] = [crypto.randomUUID(), crypto.randomUUID()];
        expect((await store.end(cancel(moved, 7, "moved"))).kind).toBe("changed");
        expect(await ttlOf(`idem:${moved}`)).toBe(-2);
        await store.end(cancel(crypto.randomUUID(), record.sequence, "first"));
        expect(await store.end(cancel(twice, record.sequence, "second"))).toEqual({
          kind: "already",
          status: "canceled",
        });
        expect(await ttlOf(`idem:${twice}`)).toBeGreaterThan(23 * HOUR);
      });

      test("a retry queues the next attempt, once", async () => {
        const record = await accepted(store, caller);
        const held = await claimed(store, record, "mine");
        const command: EndCommand = {
          ...succeeded(held.record, "mine"),
          outcome: {
            kind: "retry",
            delay: 8_000,
            error: { code: "flaky", message: "not yet", retryable: true },
          },
        };
        const first = await store.end(command);
        expect(first).toMatchObject({ kind: "ended", sequence: 3 });
        expect(await store.end(command)).toEqual(first);
        const read = await store.readTask(caller, record.id);
        expect(read).toMatchObject({ record: { status: "queued", attempt: 1, error: { code: "flaky" } } });
        const next = first.kind === "ended" ? first.nextAt : 0;
        expect(await dueOf(caller.project, record.id)).toBe(next + 30_000);
        expect(
          (
            await at(8_000).claim({
              project: caller.project,
              task: record.id,
              run: 1,
              attempt: 2,
              lease: "two",
            })
          ).kind,
        ).toBe("claimed");
      });

      test("at or past the deadline only `expired` can be written", async () => {
        const record = await accepted(store, caller, { options: { deadline: 60_000 } });
        const held = await claimed(store, record, "mine");
        const late = at(61_000);
        expect(await late.end(succeeded(held.record, "mine"))).toEqual({ kind: "deadline-passed" });
        const outcome = {
          kind: "expired",
          endedAt: held.now + 61_000,
          resultTtl: HOUR,
          deliveries: [],
        } as const;
        expect(await late.end({ ...succeeded(held.record, "mine"), outcome, nonce: "n2" })).toMatchObject({
          kind: "ended",
        });
        expect(await store.readTask(caller, record.id)).toMatchObject({ record: { status: "expired" } });
      });

      test("a caller without the lease must have read the newest state", async () => {
        const record = await accepted(store, caller);
        await claimed(store, record, "mine");
        const command = succeeded(record, "unused", {});
        const stale = await store.end({
          ...command,
          authority: { by: "sequence", sequence: 1, caller: system(caller.project) },
        });
        expect(stale).toMatchObject({ kind: "changed", record: { status: "running", sequence: 2 } });
        const fresh = await store.end({
          ...command,
          authority: { by: "sequence", sequence: 2, caller: system(caller.project) },
        });
        expect(fresh.kind).toBe("ended");
      });

      test("a configuration that changed meanwhile is handed back", async () => {
        const held = await claimed(store, await accepted(store, caller), "mine");
        const command = { ...succeeded(held.record, "mine"), configVersion: 7 };
        expect(await store.end(command)).toEqual({
          kind: "config-changed",
          config: { version: 1, json: '{"signing":[]}' },
        });
        expect((await store.end({ ...command, configVersion: 1 })).kind).toBe("ended");
      });

      test("a large result has a key of its own, and input and result go after the same time", async () => {
        const input = JSON.stringify("y".repeat(INLINE_LIMIT));
        const record = await accepted(store, caller, { input });
        const held = await claimed(store, record, "mine");
        const result = JSON.stringify("z".repeat(INLINE_LIMIT));
        await store.end(succeeded(held.record, "mine", { result }));
        expect(await ttlOf(`t:${record.id}:out:1`)).toBeGreaterThan(HOUR - 60_000);
        expect(await ttlOf(`t:${record.id}:in`)).toBeGreaterThan(HOUR - 60_000);
        expect(await store.readTask(caller, record.id, { result: true })).toMatchObject({
          record: { result: { json: result } },
        });
      });
    });
  },
);
