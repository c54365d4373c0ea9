import { describe, expect, test } from "vitest";
import { accepted, environments, freshProject } from "./store-fixture.ts";

const HOUR = 3_600_000;

describe.each(await environments())(
  "read and project scripts on the %s engine",
  (_kind, { store, caller, at }) => {
    describe("lists", () => {
      test("walk every task once, newest first, while tasks are added, over hours and equal times", async () => {
        const own = await freshProject(store);
        const ids: string[] = [];
        for (const offset of [-100 * HOUR, -100 * HOUR, -3 * HOUR, 0, 0, 0, 0])
          ids.push((await accepted(at(offset), own)).id);
        const seen: string[] = [];
        let before: { at: number; id: string } | undefined;
        for (let page = 0; page < 20; page++) {
          const listed = await store.listTasks(own, before, 2);
          if (listed.kind !== "found") throw new Error(listed.kind);
          seen.push(...listed.positions.map(({ id }) => id));
          if (page === 0) await accepted(store, own);
          if (!listed.next) break;
          before = listed.next;
        }
        expect(seen).toHaveLength(ids.length);
        expect(new Set(seen)).toEqual(new Set(ids));
        expect(seen.slice(-3)).toEqual([ids[2], ...[ids[0], ids[1]].sort().reverse()].slice(0, 3));
      });

      test("refuse a key without the scope", async () => {
        const writer = await freshProject(store, ["tasks:write"]);
        expect(await store.listTasks(writer, undefined, 5)).toEqual({ kind: "forbidden" });
        expect(await store.readTask(writer, "task_00000000000000000000000000")).toEqual({
          kind: "forbidden",
        });
        expect(await store.readDeliveries(writer, ["del_00000000000000000000000000"])).toEqual({
          kind: "forbidden",
        });
        expect(await store.readConfig(writer, "secrets:read")).toEqual({ kind: "forbidden" });
      });
    });

    test("a project's name gets one id, its configuration is written once, its keys come and go", async () => {
      const name = crypto.randomUUID();
      expect(await store.nameProject(name, "prj_first")).toBe("prj_first");
      expect(await store.nameProject(name, "prj_second")).toBe("prj_first");
      expect((await store.listProjects()).data).toContainEqual({ name, id: "prj_first" });
      await store.initProject(caller.project, name, '{"signing":["other"]}');
      expect(await store.readConfig(caller, "secrets:read")).toMatchObject({
        config: { version: 1, json: '{"signing":[]}' },
      });
      const key = {
        key: "a".repeat(32),
        hash: "b",
        expiresAt: 0,
        scopes: [],
        createdAt: 1,
        name: "two words",
      };
      await store.putKey(caller.project, key);
      await store.putKey(caller.project, key);
      expect((await store.listKeys(caller.project)).data).toContainEqual(key);
      expect(await store.dropKey(caller.project, key.key, crypto.randomUUID())).toBe(true);
      expect(await store.dropKey(caller.project, key.key, crypto.randomUUID())).toBe(false);
      expect(await store.ping()).toMatchObject({ ok: true });
    });
  },
);
