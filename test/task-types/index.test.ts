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
    const all = await defined();
    expect(all.length).toBeGreaterThan(3);
    const forgotten = all.filter(({ task }) => !listed.includes(task));
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
  for (const { type, summary, result } of listed) {
    test(`${type} says in a sentence what it does`, () => {
      expect(summary ?? `summary of ${type} is missing`).toMatch(/^[A-Z].*\.$/);
    });

    test(`${type} has a schema for its result`, () => {
      expect(result, `result of ${type} is missing`).toBeDefined();
    });

    test(`${type} has a test over HTTP`, async () => {
      const text = await read("test/e2e/built-in-types.test.ts");
      expect(text, `test/e2e/built-in-types.test.ts has no test for ${type}`).toContain(`test("${type}"`);
    });
  }

  test("has a unit test", async () => {
    const [files, tests] = await Promise.all([defined(), textOf("test/task-types")]);
    const untested = files.filter(({ name }) => !tests.includes(`src/task-types/${name}"`));
    expect(
      untested.map(({ name, task }) => `no test in test/task-types imports ${name} (${task.type})`),
    ).toEqual([]);
  });

  test("has a row in docs/reference/task-types.md, and each row is a type", async () => {
    const [table = ""] = (await read("docs/reference/task-types.md")).split("\n\n").slice(1);
    const rows = [...table.matchAll(/^\| \[`([^`]+)`\]/gm)].map(([, type]) => type ?? "");
    const types = [HTTP_REQUEST, ...listed.map(({ type }) => type)];
    expect(types.filter((type) => !rows.includes(type)).map((type) => `${type} has no row`)).toEqual([]);
    expect(rows.filter((type) => !types.includes(type)).map((type) => `${type} is not a type`)).toEqual([]);
  });

  test("is named in docs/reference/features.md", async () => {
    const text = await read("docs/reference/features.md");
    const missing = tasks.filter(({ type }) => !text.includes(`\`${type}\``));
    expect(missing.map(({ type }) => `${type} is not named`)).toEqual([]);
  });
});

/** Every task type that a file of src/task-types exports. */
async function defined(): Promise<readonly { readonly name: string; readonly task: AnyTask }[]> {
  const names = (await readdir(`${root}/src/task-types`)).filter((name) => name !== "index.ts");
  const found = await Promise.all(
    names.map(async (name) => {
      const module: Readonly<Record<string, unknown>> = await import(`${root}/src/task-types/${name}`);
      return Object.values(module)
        .filter(isTask)
        .map((task) => ({ name, task }));
    }),
  );
  return found.flat();
}

async function textOf(folder: string): Promise<string> {
  const names = (await readdir(`${root}/${folder}`)).filter((name) => name.endsWith(".ts"));
  return (await Promise.all(names.map((name) => read(`${folder}/${name}`)))).join("\n");
}

function isTask(value: unknown): value is AnyTask {
  return (
    typeof value === "object" && value !== null && "handler" in value && "type" in value && "input" in value
  );
}
