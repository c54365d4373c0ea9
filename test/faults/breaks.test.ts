import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
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

  test.each(BREAKS)("has a break that fits the source: $name", async ({ patches }) => {
    for (const { file, find } of patches) {
      expect(await readFile(join(root, file), "utf8"), file).toContain(find);
    }
  });
});
