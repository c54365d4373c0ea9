import { describe, expect, test } from "vitest";
import { mayRead, proofOf } from "../../src/adapters/redis/proof.ts";
import { type ApiKey, type SignedLink, system } from "../../src/projects/principal.ts";
import { accepted, environments } from "./store-fixture.ts";

const key: ApiKey = { kind: "api-key", project: "prj_1", key: "0".repeat(32), hash: "1".repeat(64) };
const link: SignedLink = { kind: "signed-link", project: "prj_1", task: "task_1" };

describe("what a script is given to check", () => {
  test("is an API key's id and hash", () => {
    expect(proofOf(key)).toEqual({ key: key.key, secret: key.hash });
  });

  test("is nothing for the gateway itself and for a signed link", () => {
    expect([proofOf(system("prj_1")), proofOf(link)]).toEqual([
      { key: "", secret: "" },
      { key: "", secret: "" },
    ]);
  });

  test("is never nothing for an API key: one without an id is refused", () => {
    expect(() => proofOf({ ...key, key: "" })).toThrow("An API key has no id.");
  });

  test("lets a signed link read the one task that it names", () => {
    expect([mayRead(link, "task_1"), mayRead(link, "task_2"), mayRead(key, "task_2")]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe.each(await environments())("a signed link on the %s engine", (_kind, { store, caller }) => {
  test("reads and watches its own task, and no other of its project", async () => {
    const [own, other] = [await accepted(store, caller), await accepted(store, caller)];
    const { project } = caller;
    const reader: SignedLink = { kind: "signed-link", project, task: own.id };
    expect((await store.readTask(reader, own.id)).kind).toBe("found");
    expect((await store.watch(reader, own.id, 1_000)).kind).toBe("found");
    expect((await store.readTask(reader, other.id)).kind).toBe("forbidden");
    expect((await store.watch(reader, other.id, 1_000)).kind).toBe("forbidden");
  });
});
