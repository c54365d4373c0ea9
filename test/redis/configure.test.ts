import { describe, expect, test } from "vitest";
import type { ConfigureCommand } from "../../src/ports/commands/config.ts";
import { type ApiKey, type System, system } from "../../src/projects/principal.ts";
import { makeId } from "../../src/shared/id.ts";
import { acceptCommand, environments, freshProject } from "./store-fixture.ts";

function command(caller: ApiKey | System, changes: Partial<ConfigureCommand> = {}): ConfigureCommand {
  return {
    caller,
    scope: "endpoints:write",
    version: 1,
    json: '{"signing":[],"endpoints":[1]}',
    id: "ep_1",
    deliveries: [],
    nonce: crypto.randomUUID(),
    ...changes,
  };
}

describe.each(await environments())("configure on the %s engine", (_kind, { store, at, redis }) => {
  test("writes the next version in place of the one that was read; sent twice it does so once", async () => {
    const caller = await freshProject(store);
    const first = command(caller);
    const answer = await store.configure(first);
    expect(answer).toMatchObject({ kind: "configured", version: 2 });
    expect(await store.configure(first)).toMatchObject({ kind: "configured", version: 2 });
    expect(await store.readConfig(caller, "endpoints:read")).toMatchObject({
      kind: "found",
      config: { version: 2, json: first.json },
    });
  });

  test("a version that was overtaken changes nothing and is given the newest", async () => {
    const caller = await freshProject(store);
    const first = command(caller);
    await store.configure(first);
    const late = command(caller, { json: '{"signing":["late"]}' });
    expect(await store.configure(late)).toMatchObject({
      kind: "changed",
      config: { version: 2, json: first.json },
    });
    expect(await store.readConfig(caller, "endpoints:read")).toMatchObject({ config: { version: 2 } });
  });

  test("`accept` says whether an endpoint is told of every start", async () => {
    const caller = await freshProject(store);
    const first = await store.accept(acceptCommand(caller));
    expect(first).toMatchObject({ kind: "accepted", startsTold: false });
    await store.configure(command(caller, { startsTold: true }));
    expect(await store.accept(acceptCommand(caller))).toMatchObject({ startsTold: true });
    await store.configure(command(caller, { version: 2 }));
    expect(await store.accept(acceptCommand(caller))).toMatchObject({ startsTold: false });
  });

  test("`end` and `claim` see the new version", async () => {
    const caller = await freshProject(store);
    await store.configure(command(caller));
    expect(await redis("HGET", `rb1:000:${caller.project}:proj`, "cfgv")).toBe("2");
  });

  test("one idempotency key configures once: told again it names what it made, another request is refused", async () => {
    const caller = await freshProject(store);
    const idempotency = { hash: crypto.randomUUID(), fingerprint: "f1" };
    await store.configure(command(caller, { idempotency }));
    const again = command(caller, { idempotency, version: 2, id: "ep_2", json: '{"signing":["twice"]}' });
    expect(await store.configure(again)).toMatchObject({ kind: "repeated", id: "ep_1" });
    const other = { ...idempotency, fingerprint: "f2" };
    expect((await store.configure({ ...again, idempotency: other })).kind).toBe("reused");
    expect(await store.readConfig(caller, "endpoints:write", idempotency)).toMatchObject({
      config: { version: 2 },
      known: { fingerprint: "f1", id: "ep_1" },
    });
    const day = at(86_400_000);
    expect(await day.configure(command(caller, { version: 2 }))).toMatchObject({ version: 3 });
  });

  test("a refusal holds no idempotency key", async () => {
    const caller = await freshProject(store);
    const idempotency = { hash: crypto.randomUUID(), fingerprint: "f1" };
    expect((await store.configure(command(caller, { version: 9, idempotency }))).kind).toBe("changed");
    const read = await store.readConfig(caller, "endpoints:write", idempotency);
    expect(read).not.toHaveProperty("known");
  });

  test("asks for the key and its scope", async () => {
    const reader = await freshProject(store, ["endpoints:read"]);
    expect(await store.configure(command(reader))).toEqual({ kind: "forbidden" });
    expect(await store.configure(command({ ...reader, hash: "00".repeat(32) }))).toEqual({
      kind: "unauthenticated",
    });
    const nobody = system(makeId("prj", Date.now(), 0, new Uint8Array(8)));
    expect((await store.configure(command(nobody))).kind).toBe("missing");
  });
});
