import { describe, expect, test } from "vitest";
import type { Store } from "../../src/ports/store.ts";
import { type Client, system } from "../../src/projects/principal.ts";
import { pausedName } from "../../src/projects/project-config.ts";
import { acceptCommand, accepted, claimed, environments, freshProject, storeOver } from "./store-fixture.ts";

/** Writes the list of the paused types, as a pause or a resume does. */
async function setPaused(store: Store, caller: Client, paused: readonly string[], rest: object = {}) {
  const read = await store.readConfig(system(caller.project), "admin");
  if (read.kind !== "found") throw new Error(read.kind);
  const { paused: _paused, ...config } = JSON.parse(read.config.json);
  const answer = await store.configure({
    caller,
    scope: "admin",
    version: read.config.version,
    json: JSON.stringify(paused.length > 0 ? { paused, ...config, ...rest } : { ...config, ...rest }),
    paused,
    resumes: paused.length === 0,
    id: caller.project,
    deliveries: [],
    nonce: crypto.randomUUID(),
  });
  expect(answer.kind).toBe("configured");
}

const claim = (store: Store, { project, id: task, run }: { project: string; id: string; run: number }) =>
  store.claim({ project, task, run, attempt: 1, lease: crypto.randomUUID() });

describe.each(await environments())("a pause on the %s engine", (_kind, { store, url, dueOf }) => {
  test("sends an immediate start through the queue; a type that is not paused begins at once", async () => {
    const caller = await freshProject(store);
    const begin = async (type: string) => {
      const lease = { id: crypto.randomUUID(), length: 25_000 };
      const answer = await store.accept(acceptCommand(caller, { type }, { lease }));
      if (answer.kind !== "accepted") throw new Error(answer.kind);
      return [answer.record.status, answer.paused, answer.begun !== undefined];
    };
    await setPaused(store, caller, ["a.type"]);
    expect(await begin("a.type")).toEqual(["queued", true, false]);
    expect(await begin("b.type")).toEqual(["running", false, true]);
    await setPaused(store, caller, ["*"]);
    expect(await begin("b.type")).toEqual(["queued", true, false]);
    await setPaused(store, caller, []);
    expect(await begin("a.type")).toEqual(["running", false, true]);
  });

  test("parks a start: it is due at its deadline, and listed once", async () => {
    const caller = await freshProject(store);
    const record = await accepted(store, caller);
    await setPaused(store, caller, ["*"]);
    expect(await claim(store, record)).toEqual({ kind: "paused" });
    expect(await claim(store, record)).toEqual({ kind: "paused" }); // the message comes twice
    expect(await dueOf(caller.project, record.id)).toBe(record.deadlineAt);
    expect((await store.parkedTasks(caller.project, "")).map(({ task }) => task)).toEqual([record.id]);
    const found = await store.readTask(caller, record.id);
    expect(found).toMatchObject({ record: { status: "queued", attempt: 0, parked: true } });
  });

  test.each([
    'odd."type"\\name',
    "odd[0]",
    "odd]",
    "*",
    "%2A",
    "a|b",
    "größe/漢字 🙂",
    "tab\tline\nnull\u0000",
    "it's (odd)!~",
  ])("holds one type alone, of any name: %j; a client's text is no pause", async (type) => {
    const caller = await freshProject(store);
    const [odd, other] = [
      await accepted(store, caller, { type }),
      await accepted(store, caller, { type: "odd" }),
    ];
    await setPaused(store, caller, [pausedName(type)], { note: '1 {"paused":["odd"]}' });
    expect((await claim(store, odd)).kind).toBe("paused");
    expect((await claim(store, other)).kind).toBe("claimed");
    await setPaused(store, caller, [], { note: { paused: ["odd", "*"] } });
    expect((await claim(store, await accepted(store, caller, { type: "odd" }))).kind).toBe("claimed");
  });

  test("holds retries, and leaves running attempts and their takeovers alone", async () => {
    const caller = await freshProject(store);
    const record = await accepted(store, caller);
    await claimed(store, record);
    await setPaused(store, caller, ["*"]);
    expect(await claim(storeOver({ url }, 60_000), record)).toMatchObject({ kind: "claimed" });
  });

  test("the sweep publishes nothing that is parked, and expires it at its deadline", async () => {
    const caller = await freshProject(store);
    const record = await accepted(store, caller, { options: { deadline: 60_000 } });
    await setPaused(store, caller, ["*"]);
    await claim(store, record);
    const member = `t|${caller.project}|${record.id}`;
    expect(await storeOver({ url }, 50_000).reconcile(0, [member], "a sweep")).toEqual([{ kind: "none" }]);
    const [action] = await storeOver({ url }, 61_000).reconcile(0, [member], "a later sweep");
    expect(action?.kind).toBe("expired");
  });

  test("a resume lets parked tasks start, once each, and leaves paused types", async () => {
    const caller = await freshProject(store);
    const [one, two] = [
      await accepted(store, caller, { type: "one" }),
      await accepted(store, caller, { type: "two" }),
    ];
    await setPaused(store, caller, ["*", "two"]);
    for (const record of [one, two]) expect((await claim(store, record)).kind).toBe("paused");
    await setPaused(store, caller, ["two"]);
    const parked = await store.parkedTasks(caller.project, "");
    expect(await store.unpark(caller.project, parked)).toEqual([
      { kind: "run", run: 1, attempt: 1, options: one.options },
      { kind: "paused" },
    ]);
    expect(await store.unpark(caller.project, parked)).toEqual([{ kind: "none" }, { kind: "paused" }]);
    expect(await dueOf(caller.project, one.id)).toBeLessThan(Date.now() + 60_000);
    expect((await store.parkedTasks(caller.project, "")).map(({ type }) => type)).toEqual(["two"]);
    expect((await claim(store, one)).kind).toBe("claimed");
    expect(await store.readTask(caller, one.id)).toMatchObject({ record: { status: "running" } });
  });

  test("a resume that is cut off is finished by the sweep", async () => {
    const caller = await freshProject(store);
    const record = await accepted(store, caller);
    await setPaused(store, caller, ["*"]);
    await claim(store, record);
    await setPaused(store, caller, []);
    const later = storeOver({ url }, 120_000);
    const chore = { kind: "resume", project: caller.project };
    const chores = async () => {
      const all: unknown[] = [];
      for (let taken = await later.takeChores(0); taken.length > 0; taken = await later.takeChores(0)) {
        all.push(...taken);
      }
      return all;
    };
    expect(await chores()).toContainEqual(chore);
    await later.resumed(caller.project, false); // it has left the task
    expect((await store.parkedTasks(caller.project, "")).length).toBe(1);
    await later.unpark(caller.project, await later.parkedTasks(caller.project, ""));
    await later.resumed(caller.project, false);
    const again = storeOver({ url }, 600_000);
    expect(await again.takeChores(0)).not.toContainEqual(chore);
  });
});
