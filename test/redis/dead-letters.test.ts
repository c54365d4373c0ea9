import { beforeEach, describe, expect, test } from "vitest";
import type { DeadLettersAnswer, Letter, RecordCommand } from "../../src/ports/commands/delivery.ts";
import type { Store } from "../../src/ports/store.ts";
import type { ApiKey } from "../../src/projects/principal.ts";
import { makeId } from "../../src/shared/id.ts";
import { FAILURE_PAUSE } from "../../src/shared/limits.ts";
import { accepted, claimed, environments, freshProject, newDelivery, succeeded } from "./store-fixture.ts";

const DAY = 86_400_000;
const LIST_DEAD_LETTERS = { since: 0, until: Date.now() + DAY, most: 10 } as const;

describe.each(await environments())(
  "an endpoint's failures on the %s engine",
  (_kind, { store, at, redis, dueOf }) => {
    let caller: ApiKey;
    let endpointId: string;
    beforeEach(async () => {
      caller = await freshProject(store);
      endpointId = makeId("ep", Date.now(), 0, crypto.getRandomValues(new Uint8Array(8)));
    });

    async function opened(through: Store = store, endpoint: string = endpointId) {
      const held = await claimed(through, await accepted(through, caller), crypto.randomUUID());
      const delivery = { ...newDelivery("first"), endpointId: endpoint };
      await through.end(succeeded(held.record, held.lease, { deliveries: [delivery] }));
      return delivery.id;
    }

    function recordOf(
      id: string,
      kind: "delivered" | "dead",
      rest: Partial<RecordCommand> = {},
    ): RecordCommand {
      return {
        project: caller.project,
        delivery: id,
        lease: "first",
        attempt: 1,
        outcome: { kind },
        log: JSON.stringify({ at: new Date().toISOString(), durationMs: 1 }),
        at: Date.now(),
        verdict: kind === "dead" ? { failing: true } : {},
        deliveries: [],
        endpointId,
        nonce: crypto.randomUUID(),
        ...rest,
      };
    }

    const health = async () => {
      const endpoint = { id: endpointId, url: "https://client.example/hooks" };
      const [one] = await store.readHealth(caller.project, [endpoint]);
      return one;
    };
    const since = { since: Date.now() - DAY, until: Date.now() + 70 * DAY };
    const deadLetterKeysOf = async (endpoint = endpointId, most = 10) =>
      idsIn(
        await store.listDeadLetters({
          caller,
          endpointId: endpoint,
          ...since,
          until: Date.now() + DAY,
          most,
        }),
      );
    const idsIn = (answer: DeadLettersAnswer) =>
      answer.kind === "found" ? { count: answer.count, ids: answer.deadLetters.map(({ id }) => id) } : answer;

    describe("health", () => {
      test("counts failures in a row and says since when; told twice it counts once", async () => {
        const command = recordOf(await opened(), "dead");
        const answer = await store.record(command);
        expect(answer).toEqual({ kind: "recorded", failingSince: expect.any(Number) });
        expect((await store.record(command)).kind).toBe("recorded");
        expect(await health()).toMatchObject({ failures: 1 });
        const later = at(DAY);
        const again = await later.record(recordOf(await opened(later), "dead", { at: Date.now() + DAY }));
        expect(again).toEqual(answer);
        expect(await health()).toMatchObject({ failures: 2 });
      });

      test("is forgiven by one success", async () => {
        await store.record(recordOf(await opened(), "dead"));
        await store.record(recordOf(await opened(), "delivered"));
        expect(await health()).toEqual({ failures: 0, lastSuccessAt: expect.any(Number) });
      });

      test("begins anew after a pause", async () => {
        const first = await store.record(recordOf(await opened(), "dead"));
        const later = at(FAILURE_PAUSE + 60_000);
        const second = await later.record(recordOf(await opened(later), "dead"));
        expect(second).not.toEqual(first);
        expect(await health()).toMatchObject({ failures: 1 });
      });

      test("does not count what was not the receiver's", async () => {
        await store.record(recordOf(await opened(), "dead", { verdict: {} }));
        expect(await health()).toEqual({ failures: 0 });
      });

      test("says until when the destination's circuit is open", async () => {
        for (let n = 0; n < 10; n++) {
          await store.record(
            recordOf(await opened(), "dead", { verdict: { circuit: "failed", failing: true } }),
          );
        }
        expect(await health()).toMatchObject({ failures: 10, openUntil: expect.any(Number) });
      });
    });

    describe("dead letters", () => {
      test("are the endpoint's own, in that time, oldest first, as many as are asked for", async () => {
        const ids: string[] = [];
        for (let n = 0; n < 3; n++) {
          const id = await opened();
          await store.record(recordOf(id, "dead", { at: Date.now() - 3_000 + n }));
          ids.push(id);
        }
        const other = makeId("ep", Date.now(), 0, crypto.getRandomValues(new Uint8Array(8)));
        const foreign = await opened(store, other);
        await store.record(recordOf(foreign, "dead", { endpointId: other }));
        expect(await deadLetterKeysOf()).toEqual({ count: 3, ids });
        expect(await deadLetterKeysOf(endpointId, 2)).toEqual({ count: 3, ids: ids.slice(0, 2) });
        expect(await deadLetterKeysOf(other)).toEqual({ count: 1, ids: [foreign] });
        const until = Date.now() - 1_000_000;
        const before = await store.listDeadLetters({
          ...LIST_DEAD_LETTERS,
          caller,
          endpointId,
          since: until - DAY,
          until,
        });
        expect(idsIn(before)).toEqual({ count: 0, ids: [] });
      });

      test("are found among thousands", async () => {
        const day = Math.floor(Date.now() / DAY);
        const words = Array.from({ length: 2_500 }, (_, n) => [
          `${Date.now() - 5_000 + n}`,
          `del_${n}|ep_other`,
        ]);
        await redis("ZADD", `rb1:000:${caller.project}:dead:${day}`, ...words.flat());
        const id = await opened();
        await store.record(recordOf(id, "dead"));
        expect(await deadLetterKeysOf()).toEqual({ count: 1, ids: [id] });
      });

      test("are filed for the release before too, counted once, and leave both lists when they are sent", async () => {
        const [id, at] = [await opened(), Date.now()];
        const command = recordOf(id, "dead", { at });
        for (let n = 0; n < 2; n++) await store.record(command);
        const day = `rb1:000:${caller.project}:dead:${Math.floor(at / DAY)}`;
        expect(await redis("ZRANGE", day, "0", "-1")).toBe(`${id}|${endpointId}`);
        expect(Number(await redis("PTTL", day))).toBeGreaterThan(15 * DAY);
        expect(await deadLetterKeysOf()).toEqual({ count: 1, ids: [id] });
        const again = { caller, endpointId, delivery: id, delay: 0, endedAt: at, nonce: "again" };
        const answer = await store.redeliver({ ...again, scope: "endpoints:write" });
        expect(answer.kind).toBe("found");
        expect(await redis("EXISTS", day)).toBe("0");
        expect(await deadLetterKeysOf()).toEqual({ count: 0, ids: [] });
      });

      test.each([
        ["opened dead", "written", 60_000],
        ["opened dead", "not written", -60_000],
        ["died later", "written", 60_000],
        ["died later", "not written", -60_000],
      ] as const)(
        "that %s: their day is %s when texts are bound to their place from %i ms on",
        async (how, day, from) => {
          await redis("SET", "rb1:bound", `${Date.now() + from}`);
          const through = at(0);
          await through.version();
          await redis("DEL", "rb1:bound");
          const held = await claimed(through, await accepted(through, caller), crypto.randomUUID());
          const log = JSON.stringify({ at: new Date().toISOString(), durationMs: 0 });
          const delivery = { ...newDelivery("first"), endpointId };
          const dead = how === "opened dead" ? { dead: { at: Date.now(), log } } : {};
          // The one after it shows that its words are read from the right place.
          const next = { ...newDelivery("next"), endpointId };
          const deliveries = [{ ...delivery, ...dead }, next];
          await through.end(succeeded(held.record, held.lease, { deliveries }));
          if (how === "died later") await through.record(recordOf(delivery.id, "dead"));
          expect(await deadLetterKeysOf()).toEqual({ count: 1, ids: [delivery.id] });
          const key = `rb1:000:${caller.project}:dead:${Math.floor(Date.now() / DAY)}`;
          expect(await redis("EXISTS", key)).toBe(day === "written" ? "1" : "0");
          await through.record(recordOf(next.id, "dead", { lease: "next" }));
          expect(await deadLetterKeysOf()).toEqual({ count: 2, ids: [delivery.id, next.id] });
        },
      );

      test("of earlier versions are read with the others, page by page, and leave both lists when they are sent", async () => {
        const day = Math.floor(Date.now() / DAY);
        const old = `rb1:000:${caller.project}:dead:${day}`;
        const times = new Map<string, number>();
        for (let n = 0; n < 4; n++) {
          const id = await opened();
          const at = Date.now();
          await store.record(recordOf(id, "dead", { at }));
          times.set(id, at);
          if (n >= 2) continue;
          const hour = `rb1:000:${caller.project}:dead:${endpointId}:${Math.floor(at / 3_600_000)}`;
          await redis("ZREM", hour, id);
          await redis("ZADD", old, `${at}`, `${id}|${endpointId}`);
        }
        const ids: string[] = [];
        let after: Letter | undefined;
        do {
          const query = { caller, endpointId, ...since, until: Date.now() + DAY, most: 1 };
          const page = await store.listDeadLetters({ ...query, ...(after && { after }) });
          if (page.kind !== "found") throw new Error(page.kind);
          expect(page.count).toBe(4 - ids.length);
          ids.push(...page.deadLetters.map(({ id }) => id));
          after = page.next;
        } while (after);
        expect(ids).toEqual([...times.keys()]);
        const commands = ids.map((delivery) => ({
          caller,
          scope: "endpoints:write" as const,
          delivery,
          endpointId,
          delay: 0,
          endedAt: times.get(delivery) ?? 0,
          nonce: crypto.randomUUID(),
        }));
        expect((await store.redeliverAll(commands)).map(({ kind }) => kind)).toEqual(Array(4).fill("found"));
        expect(await deadLetterKeysOf()).toEqual({ count: 0, ids: [] });
        expect(await redis("EXISTS", old)).toBe("0");
      });

      test("take the scope endpoints:write", async () => {
        const reader = await freshProject(store, ["endpoints:read"]);
        expect(
          await store.listDeadLetters({
            ...LIST_DEAD_LETTERS,
            since: Date.now() - DAY,
            caller: reader,
            endpointId,
          }),
        ).toEqual({
          kind: "forbidden",
        });
      });

      test("that are sent again are dead letters no more, and go out one after the other; told twice once", async () => {
        const ids = [await opened(), await opened()];
        const endedAt = Date.now();
        for (const id of ids) await store.record(recordOf(id, "dead", { at: endedAt }));
        const commands = ids.map((delivery, index) => ({
          caller,
          scope: "endpoints:write" as const,
          delivery,
          endpointId,
          delay: index * 60_000,
          endedAt,
          nonce: `again-${index}`,
        }));
        const answers = await store.redeliverAll(commands);
        expect(answers.map(({ kind }) => kind)).toEqual(["found", "found"]);
        const repeated = await store.redeliverAll(commands);
        expect(repeated).toMatchObject(answers.map((answer) => ({ ...answer, now: expect.any(Number) })));
        expect(await deadLetterKeysOf()).toEqual({ count: 0, ids: [] });
        const [first = 0, second = 0] = await Promise.all(ids.map((id) => dueOf(caller.project, id)));
        expect(second - first).toBeGreaterThan(59_000);
      });
    });

    test("a dead delivery and what tells of it are written at once; told twice it is told once", async () => {
      const tiding = { ...newDelivery(), eventType: "delivery.dead", taskId: "" };
      const command = recordOf(await opened(), "dead", { deliveries: [tiding] });
      await store.record(command);
      const due = await dueOf(caller.project, tiding.id);
      expect(due).toBeGreaterThan(Date.now());
      await at(5_000).record(command);
      expect(await dueOf(caller.project, tiding.id)).toBe(due);
      const read = await store.readDeliveries(caller, [tiding.id]);
      expect(read).toMatchObject({
        records: [{ taskId: "", status: "pending", eventType: "delivery.dead" }],
      });
    });
  },
);
