import { describe, expect, test } from "vitest";
import { FaultProxy } from "../support/proxy.ts";
import { accepted, claimed, environments, newDelivery, storeOver, succeeded } from "./store-fixture.ts";

const HOUR = 3_600_000;

describe.each(await environments())(
  "sweep scripts on the %s engine",
  (_kind, { store, storeAt, url, caller, at, redis, dueOf }) => {
    describe("an idle sweep", () => {
      test("is one plain read and one write", async () => {
        const proxy = await FaultProxy.start(url);
        const idle = storeOver(proxy);
        await redis("DEL", "rb1:000:due");
        await idle.seemDue(1); // a process's first asks for the time
        const before = proxy.passed.length;
        expect(await idle.seemDue(1)).toEqual([]);
        await idle.swept();
        const made = proxy.passed.slice(before).flatMap(({ body }) => JSON.parse(body.toString()));
        expect(made).toMatchObject([
          ["zrange", "rb1:000:due", "-inf", expect.anything(), "byscore", "limit", 0, 1],
          ...["set", "rb1:sweep", expect.anything()],
        ]);
        await proxy.stop();
      });

      test("is noted every second time, and each time when the sweep found something", async () => {
        const record = await accepted(store, caller);
        await redis("DEL", "rb1:000:due");
        const own = at(0); // as a process that has not swept yet
        const isNoted = async (): Promise<boolean> => {
          await redis("DEL", "rb1:sweep");
          await own.seemDue(1);
          await own.swept();
          return (await redis("GET", "rb1:sweep")) !== null;
        };
        const idle = [await isNoted(), await isNoted(), await isNoted(), await isNoted()];
        expect(idle).toEqual([true, false, true, false]);
        await redis("ZADD", "rb1:000:due", "1", `t|${caller.project}|${record.id}`);
        expect([await isNoted(), await isNoted()]).toEqual([true, true]);
      });

      test("notes when it was, for who asks whether Redis answers", async () => {
        const began = Date.now();
        await store.swept();
        const { ok, sweptAt = 0 } = await store.ping();
        expect(ok).toBe(true);
        expect(sweptAt).toBeGreaterThanOrEqual(began - 1_000);
        expect(sweptAt).toBeLessThan(Date.now() + 1_000);
      });

      test.each([-600_000, 600_000])("goes by Redis's time although its own is %i ms off", async (skew) => {
        const record = await accepted(store, caller);
        const offBy = (offset: number) => storeAt(offset, () => Date.now() + skew);
        const early = offBy(0);
        await early.seemDue(2);
        await redis("ZADD", "rb1:000:due", String(Date.now() + 30_000), `t|${caller.project}|${record.id}`);
        const others = (await store.peekDue(0)).length;
        expect(await early.seemDue(2)).toEqual(others > 0 ? [0] : []);
        const late = offBy(31_000);
        await late.seemDue(2);
        expect(await late.seemDue(2)).toEqual([0]);
      });
    });

    describe("take and inspect", () => {
      const mine = (members: readonly string[], ids: readonly string[]) =>
        members.filter((member) => ids.some((id) => member.endsWith(id)));
      /** Looks at these due entries as a sweep at that moment would. */
      async function inspected(offset: number, ids: readonly string[], nonce: string = crypto.randomUUID()) {
        const later = at(offset);
        const members = mine(await later.peekDue(0), ids);
        return { members, actions: await later.reconcile(0, members, nonce) };
      }

      test("a task that was never handed over is published again, each time later, and once per nonce", async () => {
        const record = await accepted(store, caller);
        expect(mine(await store.peekDue(0), [record.id])).toEqual([]);
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
        expect(await at(31_000).reconcile(0, members, "sweep-1")).toEqual(actions);
        const repeated = (await dueOf(caller.project, record.id)) ?? 0;
        expect(repeated - first).toBeLessThan(5_000);
        await at(62_000).reconcile(0, members, "sweep-2");
        const second = (await dueOf(caller.project, record.id)) ?? 0;
        expect(second - first).toBeGreaterThan(50_000);
      });

      test("two sweeps at once: the second finds nothing due, and the next look is put off once", async () => {
        const record = await accepted(store, caller);
        const later = at(31_000);
        const members = mine(await later.peekDue(0), [record.id]);
        const both = await Promise.all([
          later.reconcile(0, members, "sweep-a"),
          later.reconcile(0, members, "sweep-b"),
        ]);
        expect(
          both
            .flat()
            .map(({ kind }) => kind)
            .sort(),
        ).toEqual(["none", "run"]);
        const due = (await dueOf(caller.project, record.id)) ?? 0;
        expect(due).toBeLessThan(Date.now() + 62_000);
      });

      test("an entry that cannot be read is put off by itself, and holds up no other", async () => {
        const [whole, bad, odd] = [
          await accepted(store, caller),
          await accepted(store, caller),
          await accepted(store, caller),
        ];
        const key = (id: string) => `rb1:000:${caller.project}:t:${id}`;
        await redis("DEL", key(bad.id));
        await redis("SET", key(bad.id), "a string where a hash must be");
        await redis("HSET", key(odd.id), "opt", "{not JSON");
        const foreign = ["x|nobody|nothing", `t|${caller.project}|${whole.id}|more`, "t|prj_1|task_1", ""];
        for (const member of foreign) await redis("ZADD", "rb1:000:due", "1", member);
        const later = at(31_000);
        const members = (await later.peekDue(0)).filter(
          (member) => foreign.includes(member) || mine([member], [whole.id, bad.id, odd.id]).length > 0,
        );
        expect(members).toHaveLength(7);
        const actions = await later.reconcile(0, members, crypto.randomUUID());
        const kindOf = (member: string) => actions[members.indexOf(member)]?.kind;
        const named = (id: string) => `t|${caller.project}|${id}`;
        expect(kindOf(named(whole.id))).toBe("run");
        for (const member of [...foreign, named(bad.id), named(odd.id)])
          expect(kindOf(member)).toBe("broken");
        expect((await later.peekDue(0)).filter((member) => members.includes(member))).toEqual([]);
        for (const member of [...foreign, named(bad.id)]) await redis("ZREM", "rb1:000:due", member);
      });

      test("a new entry comes with the oldest, however many are due before it", async () => {
        const crowd = Array.from({ length: 500 }, (_, number) => `t|prj_crowd|task_${number}`);
        for (const member of crowd) await redis("ZADD", "rb1:000:due", "2", member);
        const record = await accepted(store, caller, { options: { deadline: 60_000 } });
        const members = await at(61_000).peekDue(0);
        expect(mine(members, [record.id])).toHaveLength(1);
        expect(members.filter((member) => crowd.includes(member)).length).toBeGreaterThanOrEqual(40);
        expect(members).toHaveLength(100);
        expect(new Set(members).size).toBe(100);
        await redis("ZREM", "rb1:000:due", ...crowd);
      });

      test("what costs more than the budget stays due, and comes with the next", async () => {
        const short = { options: { deadline: 60_000 } };
        const records = await Promise.all([1, 2, 3].map(() => accepted(store, caller, short)));
        const ids = records.map(({ id }) => id);
        const later = at(61_000);
        const members = mine(await later.peekDue(0), ids);
        const nonce = crypto.randomUUID();
        const kinds = async (most: number, of = nonce) =>
          (await later.reconcile(0, members, of, most)).map(({ kind }) => kind).sort();
        expect(await kinds(2)).toEqual(["expired", "expired", "left"]);
        expect(await kinds(2)).toEqual(["expired", "expired", "left"]); // its answer may have been lost
        expect(mine(await later.peekDue(0), ids)).toHaveLength(1);
        expect(await kinds(2, crypto.randomUUID())).toEqual(["expired", "none", "none"]);
      });

      test("an attempt whose message is noted is asked after; one that was not given to the queue is not", async () => {
        const record = await accepted(store, caller);
        await inspected(31_000, [record.id]);
        const { project } = caller;
        const note = { kind: "run", project, task: record.id, run: 1, attempt: 1, message: "msg_a" } as const;
        await store.given([note]);
        expect((await inspected(62_000, [record.id])).actions).toMatchObject([
          { kind: "run", given: "msg_a" },
        ]);
        await store.given([{ ...note, attempt: 2, message: "msg_b" }]);
        const [action] = (await inspected(200_000, [record.id])).actions;
        expect(action).toMatchObject({ kind: "run", attempt: 1 });
        expect(action).not.toHaveProperty("given");
      });

      test("a note of what was erased meanwhile brings nothing back", async () => {
        const { project } = caller;
        const gone = await accepted(store, caller);
        await redis("DEL", `rb1:000:${project}:t:${gone.id}`);
        await store.given([{ kind: "run", project, task: gone.id, run: 1, attempt: 1, message: "msg_a" }]);
        expect(await redis("EXISTS", `rb1:000:${project}:t:${gone.id}`)).toBe("0");
      });

      test("a task that ran out comes with all that its end needs, and without its payloads", async () => {
        const record = await accepted(store, caller, {
          input: '{"secret":1}',
          options: { deadline: 60_000 },
        });
        const [action] = (await inspected(61_000, [record.id])).actions;
        if (action?.kind !== "expired") throw new Error(`it is ${action?.kind}`);
        expect(action.record).toMatchObject({ ...record, input: { placement: "none" } });
        expect(action.config).toEqual({ version: 1, json: '{"signing":[]}' });
        expect(JSON.stringify(action)).not.toContain("secret");
      });

      test("an end that was lost is tried again soon, however often its task was looked at before", async () => {
        const record = await accepted(store, caller, { options: { deadline: HOUR } });
        for (const minutes of [1, 3, 10, 30]) await inspected(minutes * 60_000, [record.id]);
        const kindsAfter = async (seconds: number) =>
          (await inspected(HOUR + seconds * 1_000, [record.id])).actions.map(({ kind }) => kind);
        expect(await kindsAfter(0.1)).toEqual(["expired"]);
        expect(await kindsAfter(29)).toEqual([]);
        expect(await kindsAfter(31)).toEqual(["expired"]);
        expect(await kindsAfter(63)).toEqual(["expired"]);
        expect(await kindsAfter(120)).toEqual([]);
        expect(await kindsAfter(127)).toEqual(["expired"]);
      });

      test("a far start is published when it is near", async () => {
        const record = await accepted(store, caller, { start: { kind: "delay", delay: 30 * 24 * HOUR } });
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
        const task = { id: record.id, project: caller.project, crashes: 3 };
        expect((await inspected(5 * 31_000, [record.id])).actions).toMatchObject([
          { kind: "exhausted", record: task },
        ]);
        expect((await inspected(2 * HOUR, [record.id])).actions).toMatchObject([
          { kind: "expired", record: task },
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
