import { describe, expect, test } from "vitest";
import type { ProjectAdmin } from "../../src/projects/principal.ts";
import { makeId } from "../../src/shared/id.ts";
import {
  accepted,
  claimed,
  environments,
  freshProject,
  newDelivery,
  storeOver,
  succeeded,
} from "./store-fixture.ts";

const HOUR = 3_600_000;
const LOG = '{"at":"2026-11-24T08:25:28.815Z","durationMs":1}';

describe.each(await environments())("the figures on the %s engine", (_kind, { store, url }) => {
  test("count accepted, open and ended tasks, and a replay once among the accepted", async () => {
    const caller = await freshProject(store);
    const first = await accepted(store, caller);
    await accepted(store, caller);
    const held = await claimed(store, first);
    await store.end(succeeded(held.record, held.lease));
    const figures = async () => (await store.readFigures([caller.project])).projects[0];
    expect(await figures()).toMatchObject({
      open: 1,
      accepted: 2,
      ended: { succeeded: 1, failed: 0, canceled: 0, expired: 0 },
      dead: 0,
      lastHour: Math.floor(Date.now() / HOUR),
    });
    const found = await store.readTask(caller, first.id);
    if (found.kind !== "found") throw new Error(found.kind);
    const again = { caller, record: found.record, maxOpen: 10, nonce: "a replay" };
    expect((await store.replay(again)).kind).toBe("replayed");
    expect((await store.replay(again)).kind).toBe("replayed"); // sent twice
    expect(await figures()).toMatchObject({ open: 2, accepted: 2, ended: { succeeded: 1 } });
  });

  test("count the dead deliveries that were not sent again", async () => {
    const caller = await freshProject(store);
    const dead = async () => (await store.readFigures([caller.project])).projects[0]?.dead;
    const record = await accepted(store, caller);
    const held = await claimed(store, record);
    const lease = crypto.randomUUID();
    const [sent, unsent] = [newDelivery(lease), { ...newDelivery(), dead: { at: Date.now(), log: LOG } }];
    await store.end(succeeded(held.record, held.lease, { deliveries: [sent, unsent] }));
    expect(await dead()).toBe(1);
    const end = {
      project: caller.project,
      delivery: sent.id,
      lease,
      attempt: 1,
      outcome: { kind: "dead" },
      log: LOG,
      at: Date.now(),
      verdict: {},
      deliveries: [],
      nonce: "recorded once",
    } as const;
    await store.record(end);
    await store.record(end); // sent twice
    expect(await dead()).toBe(2);
    const hour = Math.floor(Date.now() / HOUR);
    const span = { first: hour - 1, last: hour };
    const hours = await store.readHours([{ project: caller.project, hasDeadLetters: true }], span);
    expect(hours.reduce((sum, one) => sum + one.dead, 0)).toBe(2);
    const again = {
      caller,
      scope: "tasks:write",
      delivery: sent.id,
      delay: 0,
      endedAt: Math.round(end.at),
      nonce: "sent again once",
    } as const;
    expect((await store.redeliver(again)).kind).toBe("found");
    expect((await store.redeliver(again)).kind).toBe("found"); // sent twice
    expect(await dead()).toBe(1);
  });

  test("split the open tasks of one project", async () => {
    const caller = await freshProject(store);
    const other = await freshProject(store);
    await accepted(store, other);
    await accepted(store, caller, { start: { kind: "delay", delay: HOUR } });
    const running = await accepted(store, caller);
    await claimed(store, running);
    const { tasks, complete } = await store.openTasks(0, caller.project);
    expect(complete).toBe(true);
    expect(tasks.map(({ status, attempt }) => `${status} ${attempt}`).sort()).toEqual([
      "queued 0",
      "running 1",
    ]);
  });

  test("name the longest wait that a sweep saw, until that task starts", async () => {
    const caller = await freshProject(store);
    const [first, second] = [await accepted(store, caller), await accepted(store, caller)];
    expect(await store.oldestWaiting(caller.project)).toBeUndefined();
    const later = storeOver({ url }, 60_000);
    for (const { id } of [second, first]) {
      await later.reconcile(0, [`t|${caller.project}|${id}`], crypto.randomUUID());
    }
    expect(await store.oldestWaiting(caller.project)).toBe(first.startsAt);
    expect(await store.oldestWaiting((await freshProject(store)).project)).toBeUndefined();
    await claimed(store, first);
    expect(await store.oldestWaiting(caller.project)).toBe(second.startsAt);
    await claimed(store, second);
    expect(await store.oldestWaiting(caller.project)).toBeUndefined();
  });

  test("are those of several projects in order; an unknown one has none", async () => {
    const caller = await freshProject(store);
    const unknown = makeId("prj", Date.now(), 0, crypto.getRandomValues(new Uint8Array(8)));
    const { projects, now } = await store.readFigures([unknown, caller.project]);
    expect(projects[0]).toBeUndefined();
    expect(projects[1]).toMatchObject({ open: 0, accepted: 0, dead: 0 });
    expect(Math.abs(now - Date.now())).toBeLessThan(60_000);
  });
});

describe.each(await environments())("the admin in a project on the %s engine", (_kind, { store, caller }) => {
  const admin: ProjectAdmin = { kind: "project-admin", project: caller.project };
  const nobody: ProjectAdmin = {
    kind: "project-admin",
    project: makeId("prj", Date.now(), 0, crypto.getRandomValues(new Uint8Array(8))),
  };

  test("has every scope, and is named by the timeline of a replay", async () => {
    const record = await accepted(store, caller);
    expect((await store.authorize(admin, "secrets:read")).kind).toBe("allowed");
    expect((await store.readTask(admin, record.id)).kind).toBe("found");
    const held = await claimed(store, record);
    await store.end(succeeded(held.record, held.lease));
    const found = await store.readTask(admin, record.id);
    if (found.kind !== "found") throw new Error(found.kind);
    const replayed = await store.replay({ caller: admin, record: found.record, maxOpen: 10, nonce: "n" });
    if (replayed.kind !== "replayed") throw new Error(replayed.kind);
    expect(replayed.record.timeline.at(-1)).toMatchObject({ type: "task.replayed", actor: "admin" });
  });

  test("finds no project that does not exist, and makes nothing in it", async () => {
    const unknown = { kind: "unknown-project" };
    expect(await store.authorize(nobody, "tasks:read")).toEqual(unknown);
    expect(await store.listTasks(nobody, undefined, 10)).toEqual(unknown);
    const record = await accepted(store, caller);
    expect(await store.readTask(nobody, record.id)).toEqual(unknown);
    expect(
      await store.configure({
        caller: nobody,
        scope: "admin",
        version: 1,
        json: "{}",
        id: "x",
        deliveries: [],
        nonce: "n",
      }),
    ).toEqual(unknown);
    await expect(accepted(store, { ...caller, project: nobody.project })).rejects.toThrow("unauthenticated");
  });
});
