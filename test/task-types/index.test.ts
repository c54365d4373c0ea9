import { readdir, readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { HTTP_REQUEST } from "../../src/services/http-request.ts";
import type { AnyTask } from "../../src/task.ts";
import { diagnostics, tasks } from "../../src/task-types/index.ts";
import { root } from "../support/process.ts";

// src/task-types/index.ts is the list of task types: what it does not have is not offered. These tests name what of a
// type is missing elsewhere.

const listed: readonly AnyTask[] = [...tasks, ...diagnostics];
const read = (path: string): Promise<string> => readFile(`${root}/${path}`, "utf8");

describe("src/task-types/index.ts", () => {
  test("lists every type that a file next to it defines", async () => {
    const names = (await readdir(`${root}/src/task-types`)).filter((name) => name !== "index.ts");
    const defined = await Promise.all(
      names.map(async (name) => {
        const module: Readonly<Record<string, unknown>> = await import(`${root}/src/task-types/${name}`);
        return Object.values(module)
          .filter(isTask)
          .map((task) => ({ name, task }));
      }),
    );
    expect(defined.flat().length).toBeGreaterThan(3);
    const forgotten = defined.flat().filter(({ task }) => !listed.includes(task));
    expect(forgotten.map(({ name, task }) => `${task.type} of src/task-types/${name} is not listed`)).toEqual(
      [],
    );
  });

  test("has each type once, the diagnostic ones apart", () => {
    expect(new Set(listed.map(({ type }) => type)).size).toBe(listed.length);
    for (const { type } of tasks) expect(type).not.toMatch(/^diagnostics\./);
    for (const { type } of diagnostics) expect(type).toMatch(/^diagnostics\./);
  });
});

describe("a task type", () => {
  for (const { type, summary } of listed) {
    test(`${type} says in a sentence what it does`, () => {
      expect(summary ?? `summary of ${type} is missing`).toMatch(/^[A-Z].*\.$/);
    });

    test(`${type} is tried over HTTP, in test/e2e`, async () => {
      const folders = await Promise.all(["test/e2e", "test/support"].map(textOf));
      expect(
        folders.some((text) => text.includes(`"${type}"`)),
        `no test submits ${type}`,
      ).toBe(true);
    });
  }

  test("has a row in docs/reference/task-types.md, and what has a row is one", async () => {
    const [table = ""] = (await read("docs/reference/task-types.md")).split("\n\n").slice(1);
    const rows = [...table.matchAll(/^\| \[`([^`]+)`\]/gm)].map(([, type]) => type);
    expect(rows.toSorted()).toEqual([HTTP_REQUEST, ...listed.map(({ type }) => type)].sort());
  });
});

async function textOf(folder: string): Promise<string> {
  const names = (await readdir(`${root}/${folder}`)).filter((name) => name.endsWith(".ts"));
  return (await Promise.all(names.map((name) => read(`${folder}/${name}`)))).join("\n");
}

function isTask(value: unknown): value is AnyTask {
  return (
    typeof value === "object" && value !== null && "handler" in value && "type" in value && "input" in value
  );
}
