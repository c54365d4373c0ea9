import { describe, expect, test } from "vitest";
import type { AcceptAnswer } from "../../src/ports/commands/task.ts";
import { acceptCommand, environments, freshProject } from "./store-fixture.ts";

const HOUR = 3_600_000;
const kinds = (answers: readonly AcceptAnswer[]) => answers.map(({ kind }) => kind);

describe.each(await environments())(
  "acceptAll on the %s engine",
  (_kind, { store, redis, dueOf, storeAt }) => {
    const openOf = async (project: string) => Number(await redis("HGET", `rb1:000:${project}:proj`, "open"));

    test("accepts each on its own, in order; sent twice it does so once", async () => {
      const caller = await freshProject(store);
      const commands = Array.from({ length: 100 }, (_, n) => acceptCommand(caller, { input: `${n}` }));
      const first = await store.acceptAll(commands);
      expect(first.map((answer) => answer.kind === "accepted" && answer.record.id)).toEqual(
        commands.map(({ task }) => task.id),
      );
      const second = await store.acceptAll(commands);
      expect(second.map((answer) => answer.kind === "accepted" && answer.record)).toEqual(
        first.map((answer) => answer.kind === "accepted" && answer.record),
      );
      expect(await openOf(caller.project)).toBe(100);
      for (const { task } of commands.slice(0, 3)) {
        expect(await dueOf(caller.project, task.id)).toBeGreaterThan(Date.now());
      }
    });

    test("no calls are no request", async () => {
      expect(await store.acceptAll([])).toEqual([]);
    });

    test("one is refused, the others are not; one key twice in a batch is one task", async () => {
      const caller = await freshProject(store);
      const idempotency = { hash: crypto.randomUUID(), fingerprint: "f1" };
      const first = acceptCommand(caller, {}, { idempotency });
      const answers = await store.acceptAll([
        first,
        acceptCommand(caller, {}, { idempotency }),
        acceptCommand(caller, {}, { idempotency: { ...idempotency, fingerprint: "f2" } }),
        acceptCommand(caller, {}, { maxOpen: 1 }),
        acceptCommand(caller),
      ]);
      expect(kinds(answers)).toEqual(["accepted", "replayed", "reused", "quota", "accepted"]);
      expect(answers[1]).toEqual({ kind: "replayed", id: first.task.id });
      expect(await openOf(caller.project)).toBe(2);
    });

    test("the rate counts them all: what is over it is refused, from there on", async () => {
      const caller = await freshProject(store);
      const commands = Array.from({ length: 60 }, () => acceptCommand(caller, {}, { rateLimit: 5 }));
      const answers = kinds(await store.acceptAll(commands));
      const accepted = answers.filter((kind) => kind === "accepted").length;
      // A slow machine gives the rate time to let more in, until one is refused.
      expect(accepted).toBeGreaterThanOrEqual(5);
      expect(accepted).toBeLessThan(60);
      expect(answers.slice(0, 5)).toEqual(Array(5).fill("accepted"));
      expect(new Set(answers)).toEqual(new Set(["accepted", "rate-limited"]));
    });

    test("a key that may not is told so for each", async () => {
      const reader = await freshProject(store, ["tasks:read"]);
      expect(kinds(await store.acceptAll([acceptCommand(reader), acceptCommand(reader)]))).toEqual([
        "forbidden",
        "forbidden",
      ]);
    });

    test("a clock that is hours off, and scripts that Redis has forgotten", async () => {
      const caller = await freshProject(store);
      const wrong = storeAt(0, () => Date.now() - 5 * HOUR);
      await redis("SCRIPT", "FLUSH");
      const answers = await wrong.acceptAll([acceptCommand(caller), acceptCommand(caller)]);
      expect(kinds(answers)).toEqual(["accepted", "accepted"]);
      expect(await openOf(caller.project)).toBe(2);
    });
  },
);
