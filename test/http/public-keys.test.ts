import { describe, expect, test } from "vitest";
import type { Store } from "../../src/ports/store.ts";
import { NOW, open } from "./gateway.ts";

const project = "prj_01kawtzq4je0a8yqh3n5v6w7x8";

/** A gateway whose store counts how often it is asked for a configuration. */
async function counting(answerOf: () => Awaited<ReturnType<Store["readConfig"]>>) {
  let asked = 0;
  let now = NOW;
  const readConfig: Store["readConfig"] = async () => {
    asked++;
    return answerOf();
  };
  const gateway = await open({ store: { readConfig }, clock: () => now });
  const statuses = async (count: number, path: string) => {
    const found = new Set<number>();
    for (let i = 0; i < count; i++) found.add((await gateway.send("GET", path)).status);
    return [...found];
  };
  return { statuses, asked: () => asked, pass: (length: number) => (now += length) };
}

const withKeys = {
  kind: "found",
  now: NOW,
  config: { version: 1, json: JSON.stringify({ ed25519: { wrapped: "x", x: "AAAA" } }) },
} as const;

describe("/jwks", () => {
  const path = `/jwks/${project}.json`;

  test("asks Redis once in five minutes for a project", async () => {
    const { statuses, asked, pass } = await counting(() => withKeys);
    expect(await statuses(20, path)).toEqual([200]);
    expect(asked()).toBe(1);
    pass(300_000);
    expect(await statuses(20, path)).toEqual([200]);
    expect(asked()).toBe(2);
  });

  test("remembers for ten seconds that a project is missing, or has no keys", async () => {
    for (const [answer, status] of [
      [{ kind: "missing", now: NOW }, 404],
      [{ ...withKeys, config: { version: 1, json: "{}" } }, 200],
    ] as const) {
      const { statuses, asked, pass } = await counting(() => answer);
      expect(await statuses(5, path)).toEqual([status]);
      expect(asked()).toBe(1);
      pass(10_000);
      await statuses(5, path);
      expect(asked()).toBe(2);
    }
  });

  test("never asks for what is no project's id", async () => {
    const { statuses, asked } = await counting(() => withKeys);
    for (const name of [
      "x.json",
      "prj_1.json",
      `${project}`,
      `${project}.jsonx`,
      `${project}0.json`,
      "task_.json",
    ]) {
      expect(await statuses(1, `/jwks/${name}`), name).toEqual([404]);
    }
    expect(asked()).toBe(0);
  });

  test("remembers no failure", async () => {
    let isAway = true;
    const { statuses } = await counting(() => {
      if (isAway) throw new Error("away");
      return withKeys;
    });
    expect(await statuses(1, path)).toEqual([500]);
    isAway = false;
    expect(await statuses(1, path)).toEqual([200]);
  });
});
