import { describe, expect, test } from "vitest";
import type { TaskFilter, TaskPosition } from "../../src/ports/commands/list.ts";
import type { AcceptCommand } from "../../src/ports/commands/task.ts";
import type { Store } from "../../src/ports/store.ts";
import { type ApiKey, system } from "../../src/projects/principal.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import type { TerminalStatus } from "../../src/tasks/status.ts";
import { acceptCommand, accepted, claimed, environments, freshProject } from "./store-fixture.ts";

const HOUR = 3_600_000;

/** Walks a list to its end; also how many pages it took. */
async function walk(store: Store, caller: ApiKey, filter: TaskFilter, limit = 10) {
  const ids: string[] = [];
  let before: TaskPosition | undefined;
  for (let pages = 1; pages < 100; pages++) {
    const listed = await store.listTasks(caller, before, limit, filter);
    if (listed.kind !== "found") throw new Error(listed.kind);
    expect(listed.positions.length).toBeLessThanOrEqual(limit);
    ids.push(...listed.positions.map(({ id }) => id));
    if (!listed.next) return { ids, pages };
    before = listed.next;
  }
  throw new Error("the list does not end");
}

async function ended(store: Store, record: TaskRecord, status: TerminalStatus): Promise<void> {
  await store.end({
    record,
    authority: { by: "sequence", sequence: record.sequence, caller: system(record.project) },
    outcome: { kind: status, endedAt: Date.now(), resultTtl: HOUR, deliveries: [] },
    actor: "client",
    nonce: crypto.randomUUID(),
  });
}

describe.each(await environments())("lists on the %s engine", (kind, { store, at, redis }) => {
  const make = (caller: ApiKey, task: Partial<AcceptCommand["task"]> = {}) =>
    accepted(store, caller, { metadata: {}, ...task });

  const fill = async (caller: ApiKey, count: number, task: Partial<AcceptCommand["task"]>) => {
    for (let left = count; left > 0; left -= 100) {
      const commands = Array.from({ length: Math.min(left, 100) }, () =>
        acceptCommand(caller, { metadata: {}, ...task }, { rateLimit: 100_000, maxOpen: 100_000 }),
      );
      const kinds = new Set((await store.acceptAll(commands)).map((answer) => answer.kind));
      expect([...kinds]).toEqual(["accepted"]);
    }
  };

  test("by type", async () => {
    const caller = await freshProject(store);
    const wanted: string[] = [];
    for (let n = 0; n < 12; n++) {
      const { id } = await make(caller, { type: n % 3 === 0 ? "a.b" : "aa.b" });
      if (n % 3 === 0) wanted.unshift(id);
    }
    expect((await walk(store, caller, { type: "a.b" }, 3)).ids.toSorted()).toEqual(wanted.toSorted());
    expect((await walk(store, caller, { type: "b" })).ids).toEqual([]);
  });

  test("by metadata that the project has named, and by two pairs at once; other keys are refused", async () => {
    const caller = await freshProject(store);
    const before = await make(caller, { metadata: { order: "1" } });
    await store.limitProject(caller.project, { searchable: ["order", "region"] }, crypto.randomUUID());
    const north = await make(caller, { metadata: { order: "1", region: "north" } });
    const south = await make(caller, { metadata: { order: "1", region: "süd = 1" } });
    await make(caller, { metadata: { order: "2", region: "north" } });
    const found = await walk(store, caller, { metadata: { order: "1" } }, 1);
    expect(found.ids.toSorted()).toEqual([north.id, south.id].toSorted());
    expect(found.ids).not.toContain(before.id);
    const both: TaskFilter = { metadata: { order: "1", region: "süd = 1" } };
    expect((await walk(store, caller, both)).ids).toEqual([south.id]);
    expect(await store.listTasks(caller, undefined, 5, { metadata: { other: "1" } })).toEqual({
      kind: "unsearchable",
      name: "other",
      searchable: ["order", "region"],
    });
    expect((await walk(store, caller, { metadata: { order: "1" }, type: "no.such" })).ids).toEqual([]);
  });

  test("a metadata key that is part of a searchable one's name is not searchable", async () => {
    const caller = await freshProject(store);
    await store.limitProject(caller.project, { searchable: ["orderId"] }, crypto.randomUUID());
    for (const name of ["order", "rderI", "orderId,", ""]) {
      expect((await store.listTasks(caller, undefined, 5, { metadata: { [name]: "1" } })).kind).toBe(
        "unsearchable",
      );
    }
  });

  test("by every status", async () => {
    const caller = await freshProject(store);
    const queued = await make(caller);
    const scheduled = await make(caller, { start: { kind: "delay", delay: HOUR } });
    const running = await make(caller);
    await claimed(store, running);
    const handed = await make(caller);
    const held = await claimed(store, handed);
    await store.end({
      record: held.record,
      authority: { by: "lease", lease: held.lease, attempt: 1 },
      outcome: { kind: "waiting", deliveries: [] },
      actor: "worker",
      nonce: crypto.randomUUID(),
    });
    const terminal = { succeeded: "", failed: "", canceled: "", expired: "" };
    for (const status of ["succeeded", "failed", "canceled", "expired"] as const) {
      const record = await make(caller);
      await ended(store, record, status);
      terminal[status] = record.id;
    }
    const expected = {
      queued: queued.id,
      scheduled: scheduled.id,
      running: running.id,
      waiting: handed.id,
      ...terminal,
    };
    for (const [status, id] of Object.entries(expected)) {
      const filter = { status: status as keyof typeof expected };
      expect((await walk(store, caller, filter)).ids, status).toEqual([id]);
    }
    expect((await walk(at(2 * HOUR), caller, { status: "queued" })).ids).toContain(scheduled.id);
    expect((await walk(store, caller, { status: "failed", type: "diagnostics.echo" })).ids).toEqual([
      terminal.failed,
    ]);
  });

  test("by metadata and how it ended", async () => {
    const caller = await freshProject(store);
    await store.limitProject(caller.project, { searchable: ["order"] }, crypto.randomUUID());
    const [failed, fine, other] = [
      await make(caller, { metadata: { order: "1" } }),
      await make(caller, { metadata: { order: "1" } }),
      await make(caller, { metadata: { order: "2" } }),
    ];
    await ended(store, failed, "failed");
    await ended(store, fine, "succeeded");
    await ended(store, other, "failed");
    const metadata = { order: "1" };
    expect((await walk(store, caller, { status: "failed", metadata })).ids).toEqual([failed.id]);
    expect((await walk(store, caller, { status: "succeeded", metadata })).ids).toEqual([fine.id]);
  });

  test("by when it was accepted: later than, earlier than, neither bound included", async () => {
    const caller = await freshProject(store);
    const old = await accepted(at(-30 * HOUR), caller);
    const middle = await accepted(at(-5 * HOUR), caller);
    const fresh = await accepted(store, caller);
    const ids = async (filter: TaskFilter) => (await walk(store, caller, filter, 1)).ids;
    expect(await ids({ after: middle.createdAt })).toEqual([fresh.id]);
    expect(await ids({ after: middle.createdAt - 1 })).toEqual([fresh.id, middle.id]);
    expect(await ids({ before: middle.createdAt })).toEqual([old.id]);
    expect(await ids({ before: middle.createdAt + 1 })).toEqual([middle.id, old.id]);
    expect(await ids({ after: old.createdAt, before: fresh.createdAt })).toEqual([middle.id]);
  });

  test("a page ends with its budget, and the next goes on from there", async () => {
    const caller = await freshProject(store);
    const oldest = await make(caller);
    await fill(caller, 700, { start: { kind: "delay", delay: HOUR } });
    const { ids, pages } = await walk(store, caller, { status: "queued" });
    expect(ids).toEqual([oldest.id]);
    expect(pages).toBe(3);
  });

  // The embedded engine keeps no statistics; the scripts that it runs are the same. docs/guides/lists.md tells these numbers.
  if (kind === "real") {
    const commandsRun = async () =>
      [...((await redis("INFO", "commandstats")) ?? "").matchAll(/^cmdstat_([^:|]+):calls=(\d+)/gm)]
        .filter(([, name]) => name !== "info")
        .reduce((sum, [, , calls]) => sum + Number(calls), 0);

    test("what a page of 20 costs among 3,000 tasks of one hour or two", async () => {
      const caller = await freshProject(store);
      await store.limitProject(caller.project, { searchable: ["order", "region"] }, crypto.randomUUID());
      const metadata = { order: "1", region: "north" };
      await fill(caller, 40, { type: "rare.type", metadata });
      await fill(caller, 2_960, { type: "usual.type" });
      const cost = async (filter: TaskFilter) => {
        const before = await commandsRun();
        const listed = await store.listTasks(caller, undefined, 20, filter);
        const commands = (await commandsRun()) - before;
        return { commands, found: listed.kind === "found" ? listed.positions.length : -1 };
      };
      await cost({ status: "queued" }); // scripts are loaded
      const [none, type, rare, failed, order, both, queued, running] = [
        await cost({}),
        await cost({ type: "usual.type" }),
        await cost({ type: "rare.type" }),
        await cost({ status: "failed" }),
        await cost({ metadata: { order: "1" } }),
        await cost({ metadata }),
        await cost({ status: "queued" }),
        await cost({ status: "running" }),
      ];
      expect([none.found, type.found, failed.found, order.found, both.found]).toEqual([20, 20, 0, 20, 20]);
      expect(rare.found).toBe(0); // its page has looked at 1,000 entries, and the next goes on
      expect([queued.found, running.found]).toEqual([20, 0]);
      // One more where an hour has passed meanwhile.
      for (const [{ commands }, most] of [
        [none, 7],
        [type, 7],
        [rare, 12],
        [failed, 8],
        [order, 9],
        [both, 32],
        [queued, 72],
        [running, 312],
      ] as const) {
        expect(commands).toBeLessThanOrEqual(most);
      }
    });
  }

  test("a walk sees each task once while others are added", async () => {
    const caller = await freshProject(store);
    const made: string[] = [];
    for (let n = 0; n < 9; n++) made.push((await make(caller, { type: "a.b" })).id);
    const seen: string[] = [];
    let before: TaskPosition | undefined;
    do {
      const listed = await store.listTasks(caller, before, 2, { type: "a.b" });
      if (listed.kind !== "found") throw new Error(listed.kind);
      seen.push(...listed.positions.map(({ id }) => id));
      before = listed.next;
      await make(caller, { type: "a.b" });
    } while (before);
    expect(seen.toSorted()).toEqual(made.toSorted());
  });

  test("the newest tasks are those of the newest hour, newest first", async () => {
    const caller = await freshProject(store);
    expect(await store.newestTasks(caller.project, 2)).toEqual([]);
    const made: string[] = [];
    for (let n = 0; n < 3; n++) made.push((await make(caller, { type: "a.b" })).id);
    const newest = await store.newestTasks(caller.project, 2);
    expect(newest.map(({ id }) => id)).toEqual(made.toReversed().slice(0, 2));
  });
});
