import { describe, expect, test } from "vitest";
import type { AcceptAnswer } from "../../src/ports/commands/task.ts";
import { INLINE_LIMIT } from "../../src/shared/limits.ts";
import { acceptCommand, accepted, claimed, environments, freshProject } from "./store-fixture.ts";

const HOUR = 3_600_000;

describe.each(await environments())(
  "accept scripts on the %s engine",
  (_kind, { store, caller, at, redis, dueOf, openOf, ttlOf, storeAt }) => {
    describe("accept", () => {
      test("stores the task, its due entry, its first timeline entry, its index and the open count", async () => {
        const open = await openOf();
        const record = await accepted(store, caller);
        expect(record).toMatchObject({
          status: "queued",
          run: 1,
          sequence: 1,
          attempt: 0,
          maxAttempts: 4,
          deliveries: [],
        });
        expect(record.timeline).toEqual([
          { sequence: 1, at: record.createdAt, run: 1, type: "task.created", actor: "client" },
        ]);
        expect(await dueOf(caller.project, record.id)).toBe(record.createdAt + 30_000);
        expect(await openOf()).toBe(open + 1);
        const listed = await store.listTasks(caller, undefined, 1);
        expect(listed).toMatchObject({ kind: "found", positions: [{ id: record.id, at: record.createdAt }] });
      });

      test("sent twice it accepts once and answers the same", async () => {
        const command = acceptCommand(caller);
        const first = await store.accept(command);
        const open = await openOf();
        const second = await store.accept(command);
        expect(first.kind === "accepted" && first.record).toEqual(
          second.kind === "accepted" && second.record,
        );
        expect(await openOf()).toBe(open);
      });

      test("an idempotency key sent twice with the same nonce accepts once; another task replays or is refused", async () => {
        const idempotency = { hash: crypto.randomUUID(), fingerprint: "f1" };
        const command = acceptCommand(caller, {}, { idempotency });
        const first = await store.accept(command);
        expect(await store.accept(command)).toMatchObject({
          kind: "accepted",
          record: { id: command.task.id },
        });
        expect(first.kind).toBe("accepted");
        expect(await store.accept(acceptCommand(caller, {}, { idempotency }))).toEqual({
          kind: "replayed",
          id: command.task.id,
        });
        const other = acceptCommand(caller, {}, { idempotency: { ...idempotency, fingerprint: "f2" } });
        expect(await store.accept(other)).toEqual({ kind: "reused", id: command.task.id });
      });

      test("a project that requires idempotency keys refuses a task without one, and writes nothing", async () => {
        const strict = await freshProject(store);
        const before = acceptCommand(strict);
        expect((await store.accept(before)).kind).toBe("accepted");
        await store.limitProject(strict.project, { requireIdempotencyKey: true }, crypto.randomUUID());
        const bare = acceptCommand(strict);
        const open = () => redis("HGET", `rb1:000:${strict.project}:proj`, "open");
        expect(await open()).toBe("1");
        expect(await store.accept(bare)).toEqual({ kind: "key-required" });
        expect(await open()).toBe("1");
        expect(await dueOf(strict.project, bare.task.id)).toBeUndefined();
        // What was accepted before is answered as it was, when its lost answer makes the client of Redis repeat it.
        expect(await store.accept(before)).toMatchObject({
          kind: "accepted",
          record: { id: before.task.id },
        });
        const idempotency = { hash: crypto.randomUUID(), fingerprint: "f1" };
        const keyed = acceptCommand(strict, {}, { idempotency });
        expect((await store.accept(keyed)).kind).toBe("accepted");
        const [refused, taken] = await store.acceptAll([
          acceptCommand(strict),
          acceptCommand(strict, {}, { idempotency: { ...idempotency, hash: crypto.randomUUID() } }),
        ]);
        expect([refused?.kind, taken?.kind]).toEqual(["key-required", "accepted"]);
        await store.limitProject(strict.project, { requireIdempotencyKey: false }, crypto.randomUUID());
        expect((await store.accept(acceptCommand(strict))).kind).toBe("accepted");
      });

      test("a missing key, a wrong secret, an expired key and a missing scope are refused", async () => {
        const reader = await freshProject(store, ["tasks:read"]);
        expect(await store.accept(acceptCommand({ ...caller, key: "f".repeat(32) }))).toEqual({
          kind: "unauthenticated",
        });
        expect(await store.accept(acceptCommand({ ...caller, hash: "cd".repeat(32) }))).toEqual({
          kind: "unauthenticated",
        });
        expect(await store.accept(acceptCommand(reader))).toEqual({ kind: "forbidden" });
        const late = {
          key: "e".repeat(32),
          hash: caller.hash,
          expiresAt: Date.now() + HOUR,
          scopes: ["admin"],
          createdAt: 0,
          name: "",
        };
        await store.putKey(caller.project, late);
        const expiring = { ...caller, key: late.key };
        expect((await store.accept(acceptCommand(expiring))).kind).toBe("accepted");
        expect(await at(2 * HOUR).accept(acceptCommand(expiring))).toEqual({ kind: "unauthenticated" });
      });

      test("the rate lets a second's worth through and then says when to come back", async () => {
        const own = await freshProject(store);
        const kinds: AcceptAnswer[] = [];
        for (let i = 0; i < 4; i++) kinds.push(await store.accept(acceptCommand(own, {}, { rateLimit: 3 })));
        const limited = kinds.find((answer) => answer.kind === "rate-limited");
        expect(kinds.filter((answer) => answer.kind === "accepted").length).toBeGreaterThanOrEqual(3);
        expect(limited ?? { retryAfter: 1 }).toHaveProperty("retryAfter");
        if (limited?.kind === "rate-limited") expect(limited.retryAfter).toBeLessThanOrEqual(334);
      });

      test("the quota counts what has not ended", async () => {
        const own = await freshProject(store);
        await accepted(store, own);
        expect(await store.accept(acceptCommand(own, {}, { maxOpen: 1 }))).toMatchObject({
          kind: "quota",
          quota: 1,
          rate: { limit: 1_000 },
        });
      });

      test("a start over an hour away is looked at when it is near, and its index outlasts it", async () => {
        const own = await freshProject(store);
        const start = Date.now() + 300 * 24 * HOUR;
        const record = await accepted(store, own, { start: { kind: "at", at: start } });
        expect(record.startsAt).toBe(start);
        expect(await dueOf(own.project, record.id)).toBe(start - HOUR);
        const hour = Math.floor(record.createdAt / HOUR);
        const ttl = Number(await redis("PTTL", `rb1:000:${own.project}:x:${hour}`));
        expect(ttl).toBeGreaterThan(316 * 24 * HOUR);
      });

      test("a late start prolongs the index of its hour, also when others have filed there before", async () => {
        const own = await freshProject(store);
        const ttlAt = (hour: number) => redis("PTTL", `rb1:000:${own.project}:x:${hour}`).then(Number);
        const { createdAt } = await accepted(store, own);
        expect(await ttlAt(Math.floor(createdAt / HOUR))).toBeLessThanOrEqual(17 * 24 * HOUR);
        const late = await accepted(store, own, { start: { kind: "at", at: createdAt + 300 * 24 * HOUR } });
        const hour = Math.floor(late.createdAt / HOUR); // but for the turn of an hour the same
        expect(await ttlAt(hour)).toBeGreaterThan(316 * 24 * HOUR);
        await accepted(store, own); // and one that starts at once takes nothing of it back
        expect(await ttlAt(hour)).toBeGreaterThan(316 * 24 * HOUR);
      });

      test("the hours that lists know of are trimmed to 487 days", async () => {
        const own = await freshProject(store);
        const [HOURS, NOW] = [`rb1:000:${own.project}:hours`, Math.floor(Date.now() / HOUR)];
        await accepted(store, own);
        const later = at(488 * 24 * HOUR);
        await accepted(at(486 * 24 * HOUR), own);
        expect(await redis("ZCARD", HOURS)).toBe("2");
        await accepted(later, own);
        expect(await redis("ZCARD", HOURS)).toBe("2");
        expect(await redis("ZSCORE", HOURS, `${NOW}`)).toBeNull();
      });

      test("a large input has a key of its own, without a TTL until the task ends", async () => {
        const input = JSON.stringify({ text: "x".repeat(INLINE_LIMIT) });
        const record = await accepted(store, caller, { input });
        expect(record.input).toEqual({ placement: "key" });
        expect(await ttlOf(`t:${record.id}:in`)).toBe(-1);
        expect((await claimed(store, record)).record.input.json).toBe(input);
        const read = await store.readTask(caller, record.id, { input: true });
        expect(read).toMatchObject({ kind: "found", record: { input: { json: input } } });
      });

      test("a clock that is hours off finds the right hour", async () => {
        const wrong = storeAt(0, () => Date.now() - 5 * HOUR);
        const record = await accepted(wrong, caller);
        const listed = await store.listTasks(caller, undefined, 1);
        expect(listed).toMatchObject({ positions: [{ id: record.id }] });
      });
    });

    test("a script that Redis has forgotten runs once all the same", async () => {
      await redis("SCRIPT", "FLUSH");
      const open = await openOf();
      await accepted(store, caller, { input: '{"text":"<noscript>"}' });
      expect(await openOf()).toBe(open + 1);
    });
  },
);
