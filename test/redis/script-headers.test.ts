import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { callBytes } from "../../src/adapters/redis/script.ts";
import { root } from "../support/process.ts";
import { everyScript } from "./every-script.ts";
import { startObserved } from "./observed-engine.ts";
import { localsOf, parseHeader, readBody, split } from "./script-header.ts";
import { SITUATIONS } from "./situations/index.ts";
import { newEndpoint } from "./situations/stage.ts";
import { freshProject } from "./store-fixture.ts";

const luaOf = await everyScript();
const scripts = [...luaOf].map(([name, lua]) => ({ name, lua }));

const headerOf = (lua: string) => parseHeader(split(lua).header);
const bodyOf = (lua: string) => readBody(split(lua).body);

/** Names that Lua and Redis give to a script. */
const GIVEN = [
  ...[
    "assert",
    "collectgarbage",
    "error",
    "getmetatable",
    "ipairs",
    "load",
    "loadstring",
    "next",
    "pairs",
    "pcall",
  ],
  ...[
    "print",
    "rawequal",
    "rawget",
    "rawset",
    "select",
    "setmetatable",
    "tonumber",
    "tostring",
    "type",
    "unpack",
  ],
  ...["xpcall", "coroutine", "math", "os", "string", "table"],
  ...["ARGV", "KEYS", "bit", "cjson", "cmsgpack", "redis", "struct"],
];

describe.each(scripts)("the script $name", ({ name, lua }) => {
  test("has the KEYS of its header", () => {
    const { keys, optionalKeys, hasMoreKeys } = headerOf(lua);
    const real = bodyOf(lua);
    expect(real.keys).toEqual(keys);
    expect(sorted(real.optionalKeys)).toEqual(sorted(optionalKeys));
    expect(real.hasMoreKeys).toBe(hasMoreKeys);
  });

  test("reads the ARGV of its header", () => {
    const { args, hasMoreArgs } = headerOf(lua);
    const real = bodyOf(lua);
    expect(sorted(real.args)).toEqual(sorted(args));
    expect(real.hasMoreArgs).toBe(hasMoreArgs);
  });

  test("returns the codes of its header", () => {
    expect(sorted(bodyOf(lua).codes)).toEqual(sorted(headerOf(lua).codes));
  });

  test("fits into the room that each request keeps for it", () => {
    expect(JSON.stringify(lua).length).toBeLessThan(callBytes([{ name, lua }, [], []]));
  });

  test("names its locals by words, and leaves the names of Lua and of what all scripts share alone", () => {
    const { prelude, body } = split(lua);
    const shared = localsOf(prelude).filter((name) => prelude.includes(`\nlocal function ${name}(`));
    expect(shared.length).toBeGreaterThan(10);
    const locals = localsOf(body);
    expect([...locals, ...localsOf(prelude)].filter((name) => /^[^in_]$/.test(name))).toEqual([]);
    expect(locals.filter((name) => GIVEN.includes(name) || shared.includes(name))).toEqual([]);
    // Lua 5.3, of the embedded engine, has it in `table`.
    expect(localsOf(prelude).filter((name) => GIVEN.includes(name))).toEqual(["unpack"]);
  });
});

describe("what TypeScript sends, and the answer", async () => {
  const { observed: watched, store } = await startObserved("embedded");
  const seen = new Set<string>();

  const cases = Object.entries(SITUATIONS).flatMap(([script, situations]) =>
    Object.entries(situations).map(([name, prepare]) => ({ script, name, prepare })),
  );

  test.for(cases)("$script, $name: are those of the header", async ({ prepare }) => {
    const caller = await freshProject(store);
    const type = `limited.${crypto.randomUUID()}`;
    const run = await prepare({ store, caller, endpoint: newEndpoint(), type });
    await run();
    for (const { script, keys, args, reply } of watched.taken()) {
      seen.add(script);
      const header = headerOf(luaOf.get(script) ?? "");
      const pairs = header.args.length > 0 ? Number(args[0]) : 0;
      const named = new Map(
        Array.from({ length: pairs }, (_, index) => [args[1 + 2 * index] ?? "", args[2 + 2 * index]]),
      );
      expect(sorted([...named.keys()]), `arguments of ${script}`).toEqual(sorted(header.args));
      const rest = args.length - (header.args.length > 0 ? 1 + 2 * pairs : 0);
      if (!header.hasMoreArgs) expect(rest, `further arguments of ${script}`).toBe(0);
      const optional = header.optionalKeys.filter((name) => named.get(name) !== "0");
      const least = header.keys.length + optional.length;
      if (header.hasMoreKeys) expect(keys.length, `keys of ${script}`).toBeGreaterThanOrEqual(least);
      else expect(keys.length, `keys of ${script}`).toBe(least);
      const [code] = Array.isArray(reply) ? reply : [];
      if (!header.hasPlainReply) expect(header.codes, `codes of ${script}`).toContain(String(code));
    }
  });

  test("of every script", () => {
    expect(sorted([...seen])).toEqual(sorted([...luaOf.keys()]));
  });
});

test("docs/storage.md lists the keys of every script", async () => {
  const page = await readFile(join(root, "docs/storage.md"), "utf8");
  const section = page.split("## Scripts")[1]?.split("\n## ")[0] ?? "";
  const rows = [...section.matchAll(/^\| (`.+?`) \| \S+ \| (.+?) \|/gm)].map(([, names = "", keys = ""]) => ({
    names: names.replaceAll("`", ""),
    keys: sorted(keys.split(", ")),
  }));
  expect(rows.flatMap(({ names }) => names.split(", ")).length).toBe(scripts.length);
  const real = rows.map(({ names }) => {
    const keys = names.split(", ").flatMap((name) => headerOf(luaOf.get(name) ?? "").listedKeys);
    return { names, keys: sorted([...new Set(keys)]) };
  });
  expect(rows).toEqual(real);
});

const sorted = (names: readonly string[]) => names.toSorted();
