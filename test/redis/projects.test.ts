import { describe, expect, test } from "vitest";
import { LIMIT } from "../../src/adapters/redis/projects/projects.ts";
import { named } from "../../src/adapters/redis/script.ts";
import type { AcceptAnswer } from "../../src/ports/commands/task.ts";
import { makeId } from "../../src/shared/id.ts";
import { TOMBSTONE } from "../../src/shared/limits.ts";
import { acceptCommand, environments, freshProject } from "./store-fixture.ts";

const key = {
  key: "a".repeat(32),
  hash: "cd".repeat(32),
  expiresAt: 0,
  scopes: ["tasks:read"],
  createdAt: 1,
  name: "a name with spaces",
};

describe.each(await environments())("project scripts on the %s engine", (_kind, { store, redis, ttlOf }) => {
  describe("grant", () => {
    test("makes one key per idempotency key, and tells what was answered then", async () => {
      const { project } = await freshProject(store);
      const idempotency = { hash: crypto.randomUUID(), fingerprint: "f1" };
      const first = { idempotency, id: "key_1", encrypted: "sealed.1" };
      expect(await store.putKey(project, key, first)).toEqual({ kind: "granted" });
      expect(await store.putKey(project, key, first)).toEqual({ kind: "repeated", encrypted: "sealed.1" });
      const second = { ...key, key: "b".repeat(32) };
      expect(await store.putKey(project, second, { ...first, id: "key_2", encrypted: "sealed.2" })).toEqual({
        kind: "repeated",
        encrypted: "sealed.1",
      });
      const other = { ...first, idempotency: { ...idempotency, fingerprint: "f2" } };
      expect(await store.putKey(project, second, other)).toEqual({ kind: "reused" });
      const keys = (await store.listKeys(project)).data;
      expect(keys.filter(({ name }) => name === key.name)).toEqual([key]);
      expect(Number(await redis("PTTL", `rb1:000:${project}:idem:${idempotency.hash}`))).toBeGreaterThan(0);
    });

    test("another project's key of the same name is another", async () => {
      const [one, two] = [await freshProject(store), await freshProject(store)];
      const once = {
        idempotency: { hash: crypto.randomUUID(), fingerprint: "f1" },
        id: "key_1",
        encrypted: "sealed",
      };
      expect(await store.putKey(one.project, key, once)).toEqual({ kind: "granted" });
      expect(await store.putKey(two.project, key, once)).toEqual({ kind: "granted" });
    });
  });

  describe("purge", () => {
    test("the sweep removes keys that have expired, and looks again when the next one expires", async () => {
      const { project } = await freshProject(store);
      const soon = { ...key, key: "e".repeat(32), expiresAt: Date.now() + 3_600_000 };
      await store.putKey(project, { ...key, key: "d".repeat(32), expiresAt: Date.now() - 1 });
      await store.putKey(project, soon);
      const due = async () => Number(await redis("ZSCORE", "rb1:000:chores", `k|${project}`));
      expect(await due()).toBeLessThanOrEqual(Date.now());
      expect(await store.purgeKeys(project, 100)).toBe(1);
      const left = (await store.listKeys(project)).data.map((one) => one.key);
      expect(left).toContain(soon.key);
      expect(left).not.toContain("d".repeat(32));
      expect(await due()).toBe(soon.expiresAt);
      expect(await redis("HGET", `rb1:000:${project}:proj`, "purge")).toBeNull();
    });
  });

  describe("revoke", () => {
    const listed = async (project: string) => (await store.listKeys(project)).data.map((one) => one.key);

    test("takes a key away; sent twice it answers the same; there is nothing to be revoked after that", async () => {
      const { project } = await freshProject(store);
      await store.putKey(project, key);
      expect(await store.dropKey(project, key.key, "n1")).toBe(true);
      expect(await store.dropKey(project, key.key, "n1")).toBe(true);
      expect(await store.dropKey(project, key.key, "n2")).toBe(false);
      expect(await listed(project)).not.toContain(key.key);
    });

    test("what made the key comes once more, late: it stays revoked", async () => {
      const { project } = await freshProject(store);
      await store.putKey(project, key);
      await store.dropKey(project, key.key, "n1");
      expect(await store.putKey(project, key)).toEqual({ kind: "granted" });
      expect(await listed(project)).not.toContain(key.key);
      const left = await ttlOf(`revoked:${key.key}`, project);
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(TOMBSTONE);
    });
  });

  describe("limit", () => {
    test("sets what is given, leaves the rest, takes away what is null; set twice it is the same", async () => {
      const { project } = await freshProject(store);
      const first = await store.limitProject(
        project,
        { searchable: ["orderId", "a.b"], rateLimit: 7 },
        crypto.randomUUID(),
      );
      expect(first).toEqual({
        name: "a project",
        searchable: ["orderId", "a.b"],
        rateLimit: 7,
        maxOpen: null,
        requireIdempotencyKey: false,
      });
      expect(
        await store.limitProject(
          project,
          { searchable: ["orderId", "a.b"], rateLimit: 7 },
          crypto.randomUUID(),
        ),
      ).toEqual(first);
      expect(await store.limitProject(project, { maxOpen: 3 }, crypto.randomUUID())).toEqual({
        ...first,
        maxOpen: 3,
      });
      expect(
        await store.limitProject(project, { searchable: [], rateLimit: null }, crypto.randomUUID()),
      ).toEqual({
        name: "a project",
        searchable: [],
        rateLimit: null,
        maxOpen: 3,
        requireIdempotencyKey: false,
      });
      for (const requireIdempotencyKey of [true, true, false, false]) {
        expect(
          await store.limitProject(project, { requireIdempotencyKey }, crypto.randomUUID()),
        ).toMatchObject({
          maxOpen: 3,
          requireIdempotencyKey,
        });
      }
    });

    test("what was set before comes once more, late: it changes nothing", async () => {
      const { project } = await freshProject(store);
      await store.limitProject(project, { rateLimit: 7 }, "n1");
      const { rateLimit } = (await store.limitProject(project, { rateLimit: 8 }, "n2")) ?? {};
      expect(rateLimit).toBe(8);
      const version = await redis("HGET", `rb1:000:${project}:proj`, "limv");
      expect(version).toBe("2");
      const late = await redis(
        "EVAL",
        LIMIT.lua.replace(/^#!.*$/m, ""),
        "1",
        `rb1:000:${project}:proj`,
        ...named({ nonce: "n1", version: "0" }).map(String),
        ...["rate", "7"],
      );
      expect(late).toBe("changed,2");
      expect(await redis("HGET", `rb1:000:${project}:proj`, "rate")).toBe("8");
    });

    test("an unknown project is missing, and stays so", async () => {
      const project = makeId("prj", Date.now(), 0, new Uint8Array(8));
      expect(await store.limitProject(project, { rateLimit: 1 }, crypto.randomUUID())).toBeUndefined();
      expect(await redis("EXISTS", `rb1:000:${project}:proj`)).toBe("0");
    });

    test("the project's own rate and quota hold before the deployment's, and are told", async () => {
      const caller = await freshProject(store);
      await store.limitProject(caller.project, { rateLimit: 2, maxOpen: 50 }, crypto.randomUUID());
      const answers: AcceptAnswer[] = [];
      for (let n = 0; n < 6; n++) answers.push(await store.accept(acceptCommand(caller)));
      expect(answers[0]).toMatchObject({ kind: "accepted", rate: { limit: 2, remaining: 1 } });
      expect(answers.findLast(({ kind }) => kind === "rate-limited")).toMatchObject({ limit: 2 });
      await store.limitProject(caller.project, { rateLimit: null, maxOpen: 1 }, crypto.randomUUID());
      expect(await store.accept(acceptCommand(caller))).toMatchObject({
        kind: "quota",
        quota: 1,
        rate: { limit: 1_000 },
      });
    });
  });
});
