import { describe, expect, test } from "vitest";
import type { AcceptCommand } from "../../src/ports/commands/task.ts";
import { INLINE_LIMIT } from "../../src/shared/limits.ts";
import { acceptCommand, claimed, environments, erased, freshProject, succeeded } from "./store-fixture.ts";

const LENGTH = 25_000;
const lease = { id: "mine", length: LENGTH };

describe.each(await environments())(
  "accept that leases the first attempt, on the %s engine",
  (_kind, { store, caller, at, dueOf, openOf, ttlOf }) => {
    const begin = async (task: Partial<AcceptCommand["task"]> = {}, rest: Partial<AcceptCommand> = {}) => {
      const command = acceptCommand(caller, task, { lease, ...rest });
      const answer = await store.accept(command);
      if (answer.kind !== "accepted") throw new Error(answer.kind);
      const held = { project: caller.project, task: command.task.id, run: 1, attempt: 1, lease: lease.id };
      return { command, answer, record: answer.record, held };
    };
    const stored = async (id: string) => {
      const found = await store.readTask(caller, id);
      if (found.kind !== "found") throw new Error(found.kind);
      return found.record;
    };

    test("answers a running task with its timeline, and the project's configuration", async () => {
      const { answer, record } = await begin();
      expect(record).toMatchObject({ status: "running", run: 1, attempt: 1, sequence: 2, crashes: 0 });
      expect(record.startedAt).toBe(record.createdAt);
      expect(record.timeline).toMatchObject([
        { sequence: 1, type: "task.created", actor: "client" },
        { sequence: 2, type: "task.started", actor: "worker" },
      ]);
      expect(answer.begun).toEqual({ version: 1, json: '{"signing":[]}' });
      expect(await stored(record.id)).toMatchObject({ status: "running", lease: "mine", sequence: 2 });
    });

    test("is due when its lease has ended, and no later than its deadline", async () => {
      const { record } = await begin();
      expect(await dueOf(caller.project, record.id)).toBe(record.createdAt + LENGTH + 2_000);
      const short = await begin({ options: { deadline: 1_000 } });
      expect(await dueOf(caller.project, short.record.id)).toBe(short.record.createdAt + 1_000);
      expect(await ttlOf(`t:${record.id}`)).toBe(-1);
    });

    test("sent twice it accepts once, and the lease is still its sender's", async () => {
      const { command, answer } = await begin();
      const open = await openOf();
      expect(await store.accept(command)).toMatchObject({ record: answer.record, begun: answer.begun });
      expect(await openOf()).toBe(open);
    });

    test("sent twice, the second time after a takeover or its end, nothing is its sender's", async () => {
      const { command, record } = await begin();
      const other = await claimed(at(LENGTH + 1), record, "other", 1);
      expect(other.record).toMatchObject({ attempt: 1, crashes: 1 });
      const again = await store.accept(command);
      expect(again).toMatchObject({ kind: "accepted", record: { lease: "other" } });
      expect(again).not.toHaveProperty("begun");
      await store.end(succeeded(other.record, "other"));
      expect(await store.accept(command)).not.toHaveProperty("begun");
    });

    test("sent once more after the task was erased, it makes no other one", async () => {
      const { command, record } = await begin();
      await store.end(succeeded(record, "mine"));
      await erased(store, { caller, record: await stored(record.id) });
      expect(await store.accept(command)).toEqual({ kind: "erased", id: record.id });
    });

    test("under an idempotency key that is known it begins nothing", async () => {
      const idempotency = { hash: crypto.randomUUID(), fingerprint: "f" };
      const { record } = await begin({}, { idempotency });
      const again = acceptCommand(caller, {}, { idempotency, lease: { id: "another", length: LENGTH } });
      expect(await store.accept(again)).toEqual({ kind: "replayed", id: record.id });
      expect(await stored(record.id)).toMatchObject({ lease: "mine", attempt: 1 });
    });

    test("a refused one leases nothing", async () => {
      const own = await freshProject(store);
      await store.accept(acceptCommand(own));
      const command = acceptCommand(own, {}, { lease, maxOpen: 1 });
      expect(await store.accept(command)).toMatchObject({ kind: "quota" });
      expect((await store.readTask(own, command.task.id)).kind).toBe("missing");
    });

    test("a message of the queue finds it leased until the lease ends, and then takes the attempt over", async () => {
      const { record, held } = await begin();
      const message = { ...held, lease: "other" };
      const busy = await at(5_000).claim(message);
      expect(busy.kind === "busy" && busy.retryAfter).toBeLessThanOrEqual(LENGTH - 5_000);
      expect((await at(LENGTH + 1).claim(message)).kind).toBe("claimed");
      expect(await store.end(succeeded(record, "mine"))).toEqual({ kind: "stale" });
    });

    test("a large input has its own key, and the one who takes over reads it", async () => {
      const input = JSON.stringify("x".repeat(INLINE_LIMIT));
      const { record } = await begin({ input });
      expect(record.input).toEqual({ placement: "key" });
      const other = await claimed(at(LENGTH + 1), record, "other", 1);
      expect(other.record.input.json).toBe(input);
    });

    test("its lease is not renewed: its holder asks whether it still holds it, and says how far it is", async () => {
      const { record, held } = await begin();
      const due = await dueOf(caller.project, record.id);
      const progress = { percent: 40, at: Date.now() };
      expect((await at(10_000).renew({ ...held, fixed: true })).kind).toBe("renewed");
      expect((await at(10_000).renew({ ...held, fixed: true, progress })).kind).toBe("renewed");
      expect(await dueOf(caller.project, record.id)).toBe(due);
      expect(await stored(record.id)).toMatchObject({ progress, sequence: 2 });
      expect((await at(LENGTH + 1).claim({ ...held, lease: "other" })).kind).toBe("claimed");
      expect((await store.renew({ ...held, fixed: true })).kind).toBe("lost");
    });

    test("its holder hears that it was canceled, and that its deadline has passed", async () => {
      const canceled = await begin();
      const { sequence } = canceled.record;
      const outcome = { kind: "canceled", endedAt: Date.now(), resultTtl: 1_000, deliveries: [] } as const;
      const cancel = { ...succeeded(canceled.record, "mine"), outcome };
      await store.end({ ...cancel, authority: { by: "sequence", sequence, caller } });
      expect((await store.renew({ ...canceled.held, fixed: true })).kind).toBe("lost");
      const late = await begin({ options: { deadline: 10_000 } });
      expect((await at(11_000).renew({ ...late.held, fixed: true })).kind).toBe("expired");
    });

    test("its watchers hear of its end", async () => {
      const { record } = await begin({}, { watch: 5_000 });
      const heard = Promise.withResolvers<string>();
      const follower = { onOpen: () => opened.resolve(), onChange: heard.resolve, onLost: heard.reject };
      const opened = Promise.withResolvers<void>();
      const following = store.follow(caller.project, record.id, follower);
      await opened.promise;
      await store.end(succeeded(record, "mine"));
      expect(await heard.promise).toBe("succeeded");
      following.close();
    });
  },
);
