import { describe, expect, test } from "vitest";
import { KINDS } from "../local/redis-stand-in.ts";
import { startObserved } from "./observed-engine.ts";
import { acceptCommand, freshProject, succeeded } from "./store-fixture.ts";

const lease = { id: "mine", length: 25_000 };

describe.each(KINDS)("the commands of an accept on the %s engine", async (kind) => {
  const { standIn, observed: watched, store } = await startObserved(kind);
  const redis = (...words: string[]) => standIn.engine.call(words);
  const commands = () => watched.taken().map((run) => run.commands.map(({ command }) => command));
  const idempotency = () => ({ hash: crypto.randomUUID(), fingerprint: "f" });

  /** A project that has accepted in this hour. */
  async function used() {
    const caller = await freshProject(store);
    await store.accept(acceptCommand(caller, {}, { lease }));
    watched.taken();
    return caller;
  }

  /** Writes a project's configuration as the project's version `version`. */
  async function configured(caller: Awaited<ReturnType<typeof used>>, version: number, json: string) {
    const answer = await store.configure({
      caller,
      scope: "endpoints:write",
      nonce: crypto.randomUUID(),
      version,
      json,
      startsTold: false,
      id: "",
      deliveries: [],
    });
    expect(answer.kind).toBe("configured");
    watched.taken();
  }

  test("one command looks for the record of the idempotency key, and writes it", async () => {
    const caller = await used();
    await store.accept(acceptCommand(caller, {}, { idempotency: idempotency() }));
    expect(commands()).toEqual([["TIME", "HMGET", "SET", "ZADD", "HSET", "HSET", "ZADD"]]);
  });

  test("the record ends by itself, and a second request under the key reads it and writes nothing", async () => {
    const caller = await used();
    const key = idempotency();
    const first = acceptCommand(caller, {}, { idempotency: key });
    await store.accept(first);
    const ttl = Number(await redis("PTTL", `rb1:000:${caller.project}:idem:${key.hash}`));
    expect(ttl).toBeGreaterThan(86_000_000);
    watched.taken();
    const second = acceptCommand(caller, {}, { idempotency: key });
    expect(await store.accept(second)).toEqual({ kind: "replayed", id: first.task.id });
    expect(commands()).toEqual([["TIME", "HMGET", "SET", "GET"]]);
  });

  test("what was accepted is answered although the quota is full or the rate is exceeded, and nothing is recorded", async () => {
    for (const limits of [{ maxOpen: 1 }, { rateLimit: 0.001 }]) {
      const caller = await freshProject(store);
      const key = idempotency();
      const first = acceptCommand(caller, {}, { idempotency: key, maxOpen: 1, rateLimit: 1_000 });
      expect((await store.accept(first)).kind).toBe("accepted");
      const again = acceptCommand(caller, {}, { idempotency: key, ...limits });
      expect(await store.accept(again)).toEqual({ kind: "replayed", id: first.task.id });
      expect(await store.accept({ ...first, ...limits })).toMatchObject({
        kind: "accepted",
        record: { id: first.task.id },
      });
      const other = { ...key, fingerprint: "g" };
      expect((await store.accept(acceptCommand(caller, {}, { idempotency: other, ...limits }))).kind).toBe(
        "reused",
      );
      const fresh = idempotency();
      const refused = await store.accept(acceptCommand(caller, {}, { idempotency: fresh, ...limits }));
      expect(["quota", "rate-limited"]).toContain(refused.kind);
      expect(await redis("EXISTS", `rb1:000:${caller.project}:idem:${fresh.hash}`)).toBe(0);
    }
  });

  test("a Redis that refuses the write still answers what was accepted", async () => {
    const caller = await used();
    const key = idempotency();
    const first = acceptCommand(caller, {}, { idempotency: key });
    await store.accept(first);
    const again = acceptCommand(caller, {}, { idempotency: key });
    expect(await watched.failing("accept", 3, () => store.accept(again))).toEqual({
      kind: "replayed",
      id: first.task.id,
    });
  });

  test("a write that fails takes the record back, whichever it is", async () => {
    const caller = await used();
    for (const failing of [3, 4, 5, 6, 7]) {
      const key = idempotency();
      const command = acceptCommand(caller, {}, { idempotency: key, lease });
      const failed = watched.failing("accept", failing, () => store.accept(command));
      const outcome = await failed.then(({ kind }) => kind, String);
      const isKept = (await redis("EXISTS", `rb1:000:${caller.project}:idem:${key.hash}`)) === 1;
      const isStored = (await store.readTask(caller, command.task.id)).kind === "found";
      expect({ failing, isKept, outcome }).toEqual({
        failing,
        isKept: isStored,
        outcome: expect.stringContaining("Unavailable"),
      });
      const other = acceptCommand(caller, {}, { idempotency: key });
      expect((await store.accept(other)).kind).toBe(isStored ? "replayed" : "accepted");
    }
  });

  test("an immediate one reads the configuration once, and again when it has changed", async () => {
    const caller = await used();
    const begin = async () => {
      const answer = await store.accept(acceptCommand(caller, {}, { idempotency: idempotency(), lease }));
      return answer.kind === "accepted" ? answer.begun : undefined;
    };
    expect(await begin()).toEqual({ version: 1, json: '{"signing":[]}' });
    expect(commands()).toEqual([["TIME", "HMGET", "SET", "ZADD", "HSET", "HSET", "ZADD"]]);
    await configured(caller, 1, '{"signing":[],"n":2}');
    expect(await begin()).toEqual({ version: 2, json: '{"signing":[],"n":2}' });
    expect(commands()).toEqual([["TIME", "HMGET", "SET", "GET", "ZADD", "HSET", "HSET", "ZADD"]]);
    expect(await begin()).toEqual({ version: 2, json: '{"signing":[],"n":2}' });
    expect(commands()[0]).not.toContain("GET");
  });

  test("a version that was written twice, as after a restored backup, is read again", async () => {
    const caller = await used();
    const [hash, config] = [`rb1:000:${caller.project}:proj`, `rb1:000:${caller.project}:cfg`];
    await configured(caller, 1, '{"signing":[],"n":"lost"}');
    await store.accept(acceptCommand(caller, {}, { lease }));
    await redis("HSET", hash, "cfgv", "1");
    await redis("SET", config, '1 {"signing":[]}');
    await configured(caller, 1, '{"signing":[],"n":"new"}');
    const answer = await store.accept(acceptCommand(caller, {}, { lease }));
    expect(answer).toMatchObject({ begun: { version: 2, json: '{"signing":[],"n":"new"}' } });
  });

  test("of more projects than are kept, each has its own configuration", async () => {
    const callers: Awaited<ReturnType<typeof used>>[] = [];
    for (let n = 0; n < 103; n++) callers.push(await used());
    for (const [n, caller] of callers.slice(0, 5).entries()) {
      await configured(caller, 1, `{"signing":[],"n":${n}}`);
      const answer = await store.accept(acceptCommand(caller, {}, { lease }));
      expect(answer).toMatchObject({ begun: { json: `{"signing":[],"n":${n}}` } });
      if (answer.kind === "accepted") await store.end(succeeded(answer.record, lease.id));
    }
  });
});
