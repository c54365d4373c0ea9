import { describe, expect, test } from "vitest";
import { accepted, claimed, environments, newDelivery, succeeded } from "./store-fixture.ts";

const HOUR = 3_600_000;

describe.each(await environments())(
  "sweep scripts on the %s engine",
  (_kind, { store, caller, at, redis, dueOf }) => {
    describe("take and inspect", () => {
      const mine = (members: readonly string[], ids: readonly string[]) =>
        members.filter((member) => ids.some((id) => member.endsWith(id)));
      /** Looks at these due entries as a sweep at that moment would. */
      async function inspected(offset: number, ids: readonly string[], nonce: string = crypto.randomUUID()) {
        const later = at(offset);
        const members = mine(await later.take(0), ids);
        return { members, actions: await later.inspect(0, members, nonce) };
      }

      test("a task that was never handed over is published again, each time later, and once per nonce", async () => {
        const record = await accepted(store, caller);
        expect(mine(await store.take(0), [record.id])).toEqual([]);
        const { members, actions } = await inspected(31_000, [record.id], "sweep-1");
        expect(actions).toEqual([
          {
            kind: "run",
            project: caller.project,
            task: record.id,
            type: record.type,
            options: record.options,
            run: 1,
            attempt: 1,
            delay: 0,
          },
        ]);
        const first = (await dueOf(caller.project, record.id)) ?? 0;
        expect(await at(31_000).inspect(0, members, "sweep-1")).toEqual(actions);
        const repeated = (await dueOf(caller.project, record.id)) ?? 0;
        expect(repeated - first).toBeLessThan(5_000);
        await at(62_000).inspect(0, members, "sweep-2");
        const second = (await dueOf(caller.project, record.id)) ?? 0;
        expect(second - first).toBeGreaterThan(50_000);
      });

      test("a far start is published when it is near", async () => {
        const record = await accepted(store, caller, { start: { delay: 30 * 24 * HOUR } });
        const { actions } = await inspected(30 * 24 * HOUR - HOUR + 1_000, [record.id]);
        expect(actions).toMatchObject([{ kind: "run", attempt: 1 }]);
        const [action] = actions;
        expect(action?.kind === "run" && action.delay).toBeGreaterThan(HOUR - 60_000);
      });

      test("a lapsed lease asks for the same attempt, a held one is left alone, deadlines and crashes end it", async () => {
        const record = await accepted(store, caller, { options: { deadline: HOUR } });
        await claimed(store, record, "mine");
        expect((await inspected(20_000, [record.id])).members).toEqual([]);
        expect((await inspected(33_000, [record.id])).actions).toMatchObject([{ kind: "run", attempt: 1 }]);
        for (let crash = 1; crash <= 3; crash++)
          await claimed(at(crash * 31_000 + 3_000), record, `lease-${crash}`);
        expect((await inspected(5 * 31_000, [record.id])).actions).toEqual([
          { kind: "exhausted", project: caller.project, task: record.id },
        ]);
        expect((await inspected(2 * HOUR, [record.id])).actions).toEqual([
          { kind: "expired", project: caller.project, task: record.id },
        ]);
      });

      test("a delivery whose sender died is sent again under the same attempt; an ended task's entry is dropped", async () => {
        const record = await accepted(store, caller);
        const held = await claimed(store, record, "mine");
        const leased = newDelivery("dies");
        const waiting = newDelivery();
        await store.end(succeeded(held.record, "mine", { deliveries: [leased, waiting] }));
        await redis("ZADD", "rb1:000:due", "1", `t|${caller.project}|${record.id}`);
        const { members, actions } = await inspected(31_000, [leased.id, waiting.id, record.id]);
        const byMember = Object.fromEntries(
          members.map((member, index) => [member.split("|")[2], actions[index]]),
        );
        expect(byMember[leased.id]).toMatchObject({ kind: "deliver", attempt: 1, delay: 0 });
        expect(byMember[waiting.id]).toMatchObject({ kind: "deliver", attempt: 1, delay: 0 });
        expect(byMember[record.id]).toEqual({ kind: "none" });
        expect(await dueOf(caller.project, record.id)).toBeUndefined();
      });
    });
  },
);
