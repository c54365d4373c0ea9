import { describe, expect, test } from "vitest";
import type { NewDelivery } from "../../src/ports/commands/delivery.ts";
import { BODY_MARGIN } from "../../src/shared/limits.ts";
import { DEFAULT_RETENTION } from "../../src/tasks/retention.ts";
import { accepted, claimed, environments, newDelivery, succeeded } from "./store-fixture.ts";

/** Deliveries of one event that share their bodies. */
function sharing(count: number, changes: (index: number) => Partial<NewDelivery> = () => ({})) {
  const { eventId } = newDelivery();
  return Array.from({ length: count }, (_, index): NewDelivery => {
    return { ...newDelivery(), eventId, shared: true, ...changes(index) };
  });
}

describe.each(await environments())(
  "opening several deliveries on the %s engine",
  (_kind, { store, caller, at: travel, redis, dueOf, ttlOf }) => {
    test("a body that they share is kept once per format, with a TTL that outlasts them all", async () => {
      const held = await claimed(store, await accepted(store, caller), "mine");
      const deliveries = sharing(4, (index) =>
        index < 2 ? {} : { format: "thin", body: '{"thin":true}', endpointId: "ep_1", rateLimit: 0.5 },
      );
      const command = succeeded(held.record, "mine", { deliveries });
      const first = await store.end(command);
      expect(first.kind).toBe("ended");
      expect(await store.end(command)).toEqual(first);
      const event = deliveries[0]?.eventId ?? "";
      expect(await store.readBody(caller.project, event, "full")).toBe(deliveries[0]?.body);
      expect(await store.readBody(caller.project, event, "thin")).toBe('{"thin":true}');
      expect(await store.readBody(caller.project, event, "cloudevents")).toBeUndefined();
      expect(await ttlOf(`e:${event}:full`)).toBeGreaterThan(
        DEFAULT_RETENTION.delivery + BODY_MARGIN - 60_000,
      );
      const read = await store.readDeliveries(
        caller,
        deliveries.map(({ id }) => id),
      );
      if (read.kind !== "found") throw new Error(read.kind);
      expect(read.records.map(({ format, rateLimit, body }) => [format, rateLimit, body])).toEqual([
        ["full", undefined, undefined],
        ["full", undefined, undefined],
        ["thin", 0.5, undefined],
        ["thin", 0.5, undefined],
      ]);
      const task = await store.readTask(caller, held.record.id);
      expect(task).toMatchObject({ record: { sharedBodies: [`${event}:full`, `${event}:thin`] } });
    });

    test("200 at a time", async () => {
      const held = await claimed(store, await accepted(store, caller), "mine");
      const deliveries = sharing(200);
      expect(await store.end(succeeded(held.record, "mine", { deliveries }))).toMatchObject({
        kind: "ended",
      });
      for (const { id } of [deliveries[0], deliveries[199]].flatMap((one) => one ?? [])) {
        expect(await dueOf(caller.project, id)).toBeDefined();
      }
    });

    test("one that may not be sent is a dead letter: no due entry, a TTL, and it can be sent again", async () => {
      const held = await claimed(store, await accepted(store, caller), "mine");
      const at = Date.now();
      const log = '{"at":"now","durationMs":0,"error":{"code":"endpoint-disabled","message":"off"}}';
      const [alive, dead] = sharing(2, (index) => (index === 0 ? {} : { dead: { at, log } }));
      if (!alive || !dead) throw new Error("none");
      const command = succeeded(held.record, "mine", { deliveries: [alive, dead] });
      await store.end(command);
      expect(await dueOf(caller.project, alive.id)).toBeDefined();
      expect(await dueOf(caller.project, dead.id)).toBeUndefined();
      expect(await ttlOf(`d:${dead.id}`)).toBeGreaterThan(DEFAULT_RETENTION.delivery - 60_000);
      const deadLetters = `rb1:000:${caller.project}:dead:callback:${Math.floor(at / 3_600_000)}`;
      expect(await redis("ZSCORE", deadLetters, dead.id)).not.toBeNull();
      expect(await redis("ZSCORE", deadLetters, alive.id)).toBeNull();
      const read = await store.readDeliveries(caller, [dead.id]);
      expect(read).toMatchObject({
        records: [{ status: "dead", attempt: 1, attempts: [{ error: { code: "endpoint-disabled" } }] }],
      });
      const [record] = read.kind === "found" ? read.records : [];
      await redis("PEXPIRE", `rb1:000:${caller.project}:e:${dead.eventId}:full`, "1000");
      const again = await store.redeliver({
        caller,
        scope: "tasks:write",
        delay: 0,
        delivery: dead.id,
        endedAt: record?.endedAt ?? 0,
        sharedBody: `${dead.eventId}:full`,
        nonce: "again",
      });
      expect(again).toMatchObject({ kind: "found", record: { status: "pending", base: 1 } });
      expect(await redis("ZSCORE", deadLetters, dead.id)).toBeNull();
      expect(await ttlOf(`d:${dead.id}`)).toBe(-1);
      expect(await ttlOf(`e:${dead.eventId}:full`)).toBeGreaterThan(
        DEFAULT_RETENTION.delivery + BODY_MARGIN - 60_000,
      );
    });

    test("an announcement opens several, once, and what they share", async () => {
      const held = await claimed(store, await accepted(store, caller), "mine");
      const deliveries = sharing(3);
      const command = { record: held.record, lease: "mine", deliveries };
      expect((await store.announce(command)).kind).toBe("opened");
      expect((await store.announce(command)).kind).toBe("opened");
      const [, second] = deliveries;
      if (!second) throw new Error("none");
      const other = { ...command, deliveries: [{ ...second, lease: { id: "other", length: 1 } }] };
      expect((await store.announce(other)).kind).toBe("known");
      const task = await store.readTask(caller, held.record.id);
      expect(task).toMatchObject({
        record: {
          deliveries: deliveries.map(({ id }) => id),
          sharedBodies: [`${second.eventId}:full`],
        },
      });
    });

    test("newer progress drops every delivery of the progress before it", async () => {
      const held = await claimed(store, await accepted(store, caller), "mine");
      const make = () => sharing(3, () => ({ shared: false, once: true }));
      const [older, newer] = [make(), make()];
      await store.announce({ record: held.record, lease: "mine", deliveries: older });
      await redis("HSET", `rb1:000:${caller.project}:t:${held.record.id}`, "pat", "0");
      const record = { ...held.record, progressDeliveries: older.map(({ id }) => id) };
      expect((await store.announce({ record, lease: "mine", deliveries: newer })).kind).toBe("opened");
      const read = await store.readDeliveries(
        caller,
        [...older, ...newer].map(({ id }) => id),
      );
      expect(read).toMatchObject({ records: newer.map(({ id }) => ({ id })) });
      for (const { id } of older) expect(await dueOf(caller.project, id)).toBeUndefined();
    });

    test("the sweep says which endpoint's line a delivery belongs to", async () => {
      const held = await claimed(store, await accepted(store, caller), "mine");
      const [one] = sharing(1, () => ({ endpointId: "ep_1", rateLimit: 2 }));
      if (!one) throw new Error("none");
      await store.end(succeeded(held.record, "mine", { deliveries: [one] }));
      const member = `d|${caller.project}|${one.id}`;
      expect(await travel(60_000).reconcile(0, [member], "n")).toMatchObject([
        { kind: "deliver", endpointId: "ep_1", rateLimit: 2 },
      ]);
    });
  },
);
