import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fault } from "../../src/shared/fault-point.ts";
import { UNBOUNDED } from "../redis/bounds.ts";
import { MODEL_BREAKS } from "../redis/model/breaks.ts";
import { root } from "../support/process.ts";
import { BREAKS } from "./breaks.ts";
import { INVARIANTS } from "./checker.ts";

describe("the checker", () => {
  test("has a break for each promise, and none twice", () => {
    const names = BREAKS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const caught = new Set(BREAKS.flatMap(({ caughtBy }) => caughtBy));
    expect([...caught].toSorted()).toEqual([...INVARIANTS].toSorted());
  });

  test("has a break for each fault point, and each point one place in the source", async () => {
    const names = [
      ...BREAKS.flatMap(({ points }) => points),
      ...UNBOUNDED.map(({ point }) => point),
      ...MODEL_BREAKS.map(({ point }) => point),
    ].toSorted();
    const files = (await readdir(join(root, "src"), { recursive: true })).filter((file) =>
      file.endsWith(".ts"),
    );
    const texts = await Promise.all(files.map((file) => readFile(join(root, "src", file), "utf8")));
    const places = texts.flatMap((text) =>
      [...text.matchAll(/\bfault\("([^"]+)"\)/g)].map(([, name]) => name),
    );
    expect(places.toSorted()).toEqual(names);
    expect(new Set(names).size).toBe(names.length);
  });

  test("finds none of them active in an ordinary build", () => {
    expect(BREAKS.flatMap(({ points }) => points).filter(fault)).toEqual([]);
  });
});
