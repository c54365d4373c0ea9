import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { openApi } from "../../src/http/openapi/document.ts";
import { type Call, type Route, route } from "../../src/http/pipeline/route.ts";
import { routesOf } from "../../src/http/routes/index.ts";
import { components } from "../../src/shared/schema/schema.ts";
import { Task, taskExample } from "../../src/tasks/schema.ts";
import { componentsIn, faultsOf } from "../support/declarations.ts";
import { root } from "../support/process.ts";
import { PUBLIC_URL } from "./gateway.ts";

/** A path as pages and tests write it, with any text for its parameters. */
function pattern(path: string): RegExp {
  const segments = path
    .split("/")
    .map((segment) => (segment.startsWith(":") ? "[^/\\s]+" : segment.replaceAll(".", "\\.")));
  return new RegExp(`${segments.join("/")}(?![\\w/-])`);
}

async function textOf(folder: string, files: RegExp): Promise<string> {
  const names = (await readdir(join(root, folder), { recursive: true })).filter((name) => files.test(name));
  return (await Promise.all(names.map((name) => readFile(join(root, folder, name), "utf8")))).join("\n");
}

/** What a route says of itself beyond what its type asks for; a fault names the route and what is missing. */
describe("a route's declaration is whole", () => {
  const routes = routesOf();

  for (const one of routes) {
    test(one.operation, () => {
      expect(faultsOf(one, routes)).toEqual([]);
    });
  }

  test("no two have the same operation id, and none the same method and path", () => {
    for (const key of [
      ({ operation }: Route) => operation,
      ({ method, path }: Route) => `${method} ${path}`,
    ]) {
      const names = routes.map(key);
      expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    }
  });

  test("each is in the list of src/http/routes/index.ts", async () => {
    const listed = new Set(routes.map(({ operation }) => operation));
    const text = await textOf("src/http/routes", /\.ts$/);
    const declared = [...text.matchAll(/^ +operation: "(\w+)"/gm)].map(([, operation = ""]) => operation);
    expect(declared.length).toBeGreaterThan(30);
    expect(
      declared.filter((operation) => !listed.has(operation)).map((name) => `${name} is not listed`),
    ).toEqual([]);
  });

  test.each([
    ["docs", /\.md$/, "no page in docs/ names it"],
    ["test", /\.ts$/, "no test requests it"],
  ])("%s has its path", async (folder, files, fault) => {
    const text = await textOf(folder, files);
    const missing = routes
      .filter(
        ({ access, path }) => access !== "queue" && !path.startsWith("/docs") && !pattern(path).test(text),
      )
      .map(({ operation, method, path }) => `${operation}: ${fault} (${method} ${path})`);
    expect(missing).toEqual([]);
  });

  test("what is forgotten is named", () => {
    const bare = route({
      method: "POST",
      path: "/v1/things/:id/:kind",
      operation: "makeThing",
      summary: "",
      description: " ",
      tag: "Operations",
      access: "open",
      params: { id: "task" },
      query: z.strictObject({ page: z.string() }),
      body: z.strictObject({ size: z.number() }),
      headers: ["Prefer"],
      answers: {
        200: { description: "", body: z.object({ id: z.string() }), links: ["readThing"] },
      },
      handle: ({ reply }) => reply(200, { id: "1" }),
    });
    expect(faultsOf(bare, [bare])).toEqual([
      "makeThing: summary is empty",
      "makeThing: description is no sentence",
      "makeThing: the path has :kind, params has not",
      "makeThing: the query parameter page has no description",
      "makeThing: the body is no component(), which has a name, a description and an example",
      "makeThing: the description of 200 is empty",
      "makeThing: the body of 200 is no component(), which has a name, a description and an example",
      "makeThing: 200 links to readThing, which is no operation",
    ]);
  });
});

describe("a component", () => {
  // Made once, so that every module with components is loaded.
  const document = openApi({ version: "0.1.0", publicUrl: PUBLIC_URL, tasks: [], routes: routesOf() });

  for (const [name, schema] of componentsIn(document)) {
    test(`${name} describes its fields, and its example fits`, () => {
      expect(schema.mute, "fields without a description").toEqual([]);
      expect(z.core.parse(schema.type, schema.example)).toBeDefined();
      expect(schema.unknown, "fields of the example that the schema does not have").toEqual([]);
    });
  }

  test("is known by its name alone", () => {
    expect(components.get(Task)).toEqual({ id: "Task", example: taskExample });
  });
});

describe("an answer that does not fit its declaration does not compile", () => {
  const answers = {
    200: { description: "The task's number.", body: z.object({ number: z.number() }), headers: ["ETag"] },
    204: { description: "There is none." },
  } as const;

  /** Never called: the compiler judges it. */
  function judged({ reply, send }: Call<unknown, unknown, unknown, typeof answers>) {
    reply(200, { number: 1 }, { ETag: '"1"' });
    reply(204, null);
    // @ts-expect-error another type
    reply(200, { number: "1" });
    // @ts-expect-error a field is missing
    reply(200, {});
    // @ts-expect-error a field that is not declared
    reply(200, { number: 1, colour: "red" });
    // @ts-expect-error a status that is not declared
    reply(201, { number: 1 });
    // @ts-expect-error a body where none is declared
    reply(204, { number: 1 });
    // @ts-expect-error no body where one is declared
    reply(200, null);
    // @ts-expect-error a header that is not declared
    reply(200, { number: 1 }, { Location: "/" });
    // @ts-expect-error only a route with pages, streams or bytes may send what has no schema
    send(new Response("1"));
    // @ts-expect-error a response that no `reply` made
    route({ ...declared, handle: () => new Response() });
    return route({ ...declared, handle: (call) => call.reply(200, { number: 2 }) });
  }
  const declared = {
    method: "GET",
    path: "/v1/number",
    operation: "getNumber",
    summary: "Read the number",
    description: "There is one.",
    tag: "Operations",
    access: "open",
    answers,
  } as const;

  test("which the compiler holds", () => {
    expect(judged).toBeTypeOf("function");
  });
});
