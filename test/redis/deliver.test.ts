import { describe, expect, test } from "vitest";
import type { Store } from "../../src/ports/store.ts";
import { accepted, claimed, environments, newDelivery, succeeded } from "./store-fixture.ts";

const HOUR = 3_600_000;

describe.each(await environments())(
  "delivery scripts on the %s engine",
  (_kind, { store, caller, at, redis, dueOf, ttlOf }) => {
    describe("begin, record, redeliver", () => {
      /** A task that ended, and its delivery whose first attempt is leased under `first`. */
      async function opened() {
        const record = await accepted(store, caller);
        const held = await claimed(store, record, "mine");
        const delivery = newDelivery("first");
        await store.end(succeeded(held.record, "mine", { deliveries: [delivery] }));
        return delivery;
      }
      const recordOf = (
        delivery: string,
        attempt: number,
        lease: string,
        outcome: Parameters<Store["record"]>[0]["outcome"],
      ) => ({
        project: caller.project,
        delivery,
        lease,
        attempt,
        outcome,
        log: JSON.stringify({
          at: new Date().toISOString(),
          durationMs: 12,
          statusCode: outcome.kind === "delivered" ? 200 : 500,
        }),
        at: Date.now(),
        verdict: {},
        deliveries: [],
        nonce: crypto.randomUUID(),
      });

      test("a delivered attempt ends the delivery, once", async () => {
        const { id } = await opened();
        const command = recordOf(id, 1, "first", { kind: "delivered" });
        expect(await store.record(command)).toEqual({ kind: "recorded" });
        expect(await store.record(command)).toEqual({ kind: "recorded" });
        expect(await store.record({ ...command, nonce: "other" })).toEqual({ kind: "stale" });
        expect(await dueOf(caller.project, id)).toBeUndefined();
        expect(await ttlOf(`d:${id}`)).toBeGreaterThan(13 * 24 * HOUR);
        const read = await store.readDeliveries(caller, [id]);
        expect(read).toMatchObject({
          records: [{ status: "delivered", attempts: [{ statusCode: 200, durationMs: 12 }] }],
        });
      });

      test("a failed attempt is followed by the next, at its time, by one holder", async () => {
        const { id } = await opened();
        const command = recordOf(id, 1, "first", { kind: "retry", delay: 5_000 });
        const first = await store.record(command);
        expect(first.kind === "recorded" && first.nextAt).toBeGreaterThan(Date.now() + 3_000);
        expect(await store.record(command)).toEqual(first);
        const next = { project: caller.project, delivery: id, attempt: 2, lease: "second", length: 20_000 };
        expect((await store.leaseDelivery(next)).kind).toBe("early");
        const later = at(5_000);
        expect(await later.leaseDelivery({ ...next, attempt: 3 })).toEqual({ kind: "stale" });
        const begun = await later.leaseDelivery(next);
        expect(begun).toMatchObject({ kind: "begun", record: { attempt: 2, crashes: 0 } });
        expect(await later.leaseDelivery(next)).toMatchObject({ kind: "begun", record: { attempt: 2 } });
        expect((await later.leaseDelivery({ ...next, lease: "third" })).kind).toBe("busy");
        expect(await at(26_000).leaseDelivery({ ...next, lease: "third" })).toMatchObject({
          kind: "begun",
          record: { attempt: 2, crashes: 1 },
        });
        expect(await store.record(recordOf(id, 2, "second", { kind: "delivered" }))).toEqual({
          kind: "stale",
        });
      });

      test("a dead delivery is listed as dead, and is sent again once per call", async () => {
        const { id } = await opened();
        const command = recordOf(id, 1, "first", { kind: "dead" });
        expect(await store.record(command)).toEqual({ kind: "recorded" });
        expect(await store.record(command)).toEqual({ kind: "recorded" });
        const hour = `rb1:000:${caller.project}:dead:callback:${Math.floor(command.at / HOUR)}`;
        expect(await redis("ZSCORE", hour, id)).not.toBeNull();
        const again = {
          caller,
          scope: "tasks:write" as const,
          delay: 0,
          delivery: id,
          endedAt: command.at,
          nonce: "again-1",
        };
        const first = await store.redeliver(again);
        expect(first).toMatchObject({ kind: "found", record: { status: "pending", attempt: 1, base: 1 } });
        expect(await store.redeliver(again)).toMatchObject({
          kind: "found",
          record: { base: 1, attempt: 1 },
        });
        expect(await store.redeliver({ ...again, nonce: "again-2" })).toEqual({ kind: "pending" });
        expect(await redis("ZSCORE", hour, id)).toBeNull();
        expect(await ttlOf(`d:${id}`)).toBe(-1);
        expect(await dueOf(caller.project, id)).toBeGreaterThan(Date.now());
        expect(
          (
            await store.leaseDelivery({
              project: caller.project,
              delivery: id,
              attempt: 2,
              lease: "l",
              length: 1,
            })
          ).kind,
        ).toBe("begun");
        const second = recordOf(id, 2, "l", { kind: "delivered" });
        expect(await store.record({ ...second, at: command.at + 1 })).toEqual({ kind: "recorded" });
        expect(
          await store.redeliver({ ...again, nonce: "again-3" }),
          "read before it was sent again",
        ).toMatchObject({
          kind: "changed",
          record: { status: "delivered", endedAt: command.at + 1 },
        });
      });

      test("one idempotency key sends it again once, another request under it is refused", async () => {
        const { id } = await opened();
        const dead = recordOf(id, 1, "first", { kind: "dead" });
        await store.record(dead);
        const idempotency = { hash: crypto.randomUUID(), fingerprint: "f1" };
        const command = {
          caller,
          scope: "tasks:write" as const,
          delay: 0,
          delivery: id,
          endedAt: dead.at,
          idempotency,
          nonce: "one",
        };
        expect((await store.redeliver(command)).kind).toBe("found");
        expect((await store.redeliver(command)).kind).toBe("found");
        expect((await store.redeliver({ ...command, nonce: "two" })).kind).toBe("repeated");
        const other = { ...command, idempotency: { ...idempotency, fingerprint: "f2" }, nonce: "three" };
        expect(await store.redeliver(other)).toEqual({ kind: "reused" });
        const begun = { project: caller.project, delivery: id, attempt: 2, lease: "l", length: 1 };
        await store.leaseDelivery(begun);
        await store.record({ ...recordOf(id, 2, "l", { kind: "dead" }) });
        expect(await store.redeliver({ ...command, nonce: "four" })).toMatchObject({
          kind: "repeated",
          record: { status: "dead", attempt: 2 },
        });
        expect(await ttlOf(`idem:${idempotency.hash}`)).toBeGreaterThan(23 * HOUR);
      });

      test("a refused redelivery holds no key", async () => {
        const { id } = await opened();
        const idempotency = { hash: crypto.randomUUID(), fingerprint: "f1" };
        const command = {
          caller,
          scope: "tasks:write" as const,
          delay: 0,
          delivery: id,
          endedAt: 0,
          idempotency,
          nonce: "one",
        };
        expect(await store.redeliver(command)).toEqual({ kind: "pending" });
        expect(await ttlOf(`idem:${idempotency.hash}`)).toBe(-2);
      });

      test("what is unknown is gone", async () => {
        const id = newDelivery().id;
        expect(
          await store.leaseDelivery({
            project: caller.project,
            delivery: id,
            attempt: 1,
            lease: "l",
            length: 1,
          }),
        ).toEqual({ kind: "gone" });
        expect(await store.record(recordOf(id, 1, "l", { kind: "delivered" }))).toEqual({ kind: "gone" });
        expect(
          await store.redeliver({
            caller,
            scope: "tasks:write",
            delay: 0,
            delivery: id,
            endedAt: 0,
            nonce: "n",
          }),
        ).toMatchObject({
          kind: "missing",
        });
      });
    });
  },
);
