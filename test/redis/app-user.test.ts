import { describe, expect, test } from "vitest";
import type { AppUser } from "../../src/projects/principal.ts";
import { makeId } from "../../src/shared/id.ts";
import { accepted, claimed, environments, succeeded } from "./store-fixture.ts";

// Scripts decide what a user of the app around the gateway may do, by the scopes that the edge admitted them with.

describe.each(await environments())("a user of the app on the %s engine", (_kind, { store, caller }) => {
  const user = (...scopes: string[]): AppUser => ({
    kind: "app-user",
    project: caller.project,
    scopes,
    name: "Zo\u00eb M.",
  });

  test("has the given scopes and no other", async () => {
    const reader = user("tasks:read", "service:shop");
    expect((await store.authorize(reader, "tasks:read")).kind).toBe("allowed");
    expect((await store.authorize(reader, "service:shop")).kind).toBe("allowed");
    for (const scope of ["tasks:write", "endpoints:read", "service:shops", "admin"] as const)
      expect((await store.authorize(reader, scope)).kind, scope).toBe("forbidden");
    expect((await store.authorize(user(), "tasks:read")).kind).toBe("forbidden");
    const record = await accepted(store, caller);
    expect((await store.readTask(reader, record.id)).kind).toBe("found");
    expect((await store.listTasks(reader, undefined, 10)).kind).toBe("found");
    expect((await store.readTask(user("tasks:write"), record.id)).kind).toBe("forbidden");
    expect((await store.listTasks(user("endpoints:read"), undefined, 10)).kind).toBe("forbidden");
  });

  test("has with admin every scope but those of secrets, which it never has", async () => {
    const every = user("admin", "secrets:read", "secrets:write");
    for (const scope of ["tasks:write", "endpoints:write", "service:shop", "admin"] as const)
      expect((await store.authorize(every, scope)).kind, scope).toBe("allowed");
    for (const scope of ["secrets:read", "secrets:write"] as const) {
      expect((await store.authorize(every, scope)).kind, scope).toBe("forbidden");
      expect((await store.readConfig(every, scope)).kind, scope).toBe("forbidden");
    }
  });

  test("is named by the timeline", async () => {
    const record = await accepted(store, caller);
    const held = await claimed(store, record);
    await store.end(succeeded(held.record, held.lease));
    const found = await store.readTask(caller, record.id);
    if (found.kind !== "found") throw new Error(found.kind);
    const by = user("tasks:write");
    const replayed = await store.replay({ caller: by, record: found.record, maxOpen: 10, nonce: "n" });
    if (replayed.kind !== "replayed") throw new Error(replayed.kind);
    expect(replayed.record.timeline.at(-1)).toMatchObject({
      type: "task.replayed",
      actor: "app:Zo%C3%AB%20M.",
    });
  });

  test("does nothing in a project that does not exist", async () => {
    const unknown = makeId("prj", Date.now(), 0, crypto.getRandomValues(new Uint8Array(8)));
    const answer = await store.authorize({ ...user("admin"), project: unknown }, "tasks:read");
    expect(answer).toEqual({ kind: "unknown-project" });
  });
});
