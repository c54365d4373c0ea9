import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { transform } from "esbuild";
import { expect, test } from "vitest";
import { parseAst } from "vitest/node";
import * as z from "zod";
import { root } from "../support/process.ts";

/** Headers of 64 KiB are more than any runtime lets through; bodies are read by JSON.parse. */
const LONGEST = 65_536;

/** Patterns over texts that something before them keeps short. */
const SHORTER: Readonly<Record<string, number>> = {
  '^\\s*([^\\s=;,"]+)\\s*(?:=\\s*(?:"([^"\\\\]*)"|([^\\s;,"]*)))?\\s*(?:;.*)?$': 1_000, // a longer Prefer is not read
  "\\/+$": 2_048, // addresses of the deployer's configuration
  "\\S+:\\/\\/\\S*": 4_096, // messages of the runtimes' errors, with a URL in them
};

const REGEX = z.object({ pattern: z.string(), flags: z.string() });

interface Pattern {
  readonly source: string;
  readonly flags: string;
  readonly length: number;
}

/** Every regular expression of what runs at the edge. */
async function patternsOf(folder: string): Promise<Pattern[]> {
  const files = (await readdir(join(root, folder), { recursive: true })).filter(
    (name) => name.endsWith(".ts") && !name.startsWith("local/") && !name.includes("openapi/"),
  );
  const found = new Map<string, Pattern>();
  for (const file of files) {
    const { code } = await transform(await readFile(join(root, folder, file), "utf8"), { loader: "ts" });
    for (const { pattern: source, flags } of regexesIn(parseAst(code)))
      found.set(`/${source}/${flags}`, { source, flags, length: SHORTER[source] ?? LONGEST });
  }
  return [...found.values()];
}

/** The regular expressions of a syntax tree (https://github.com/estree/estree/blob/master/es5.md#regexpliteral). */
function regexesIn(node: unknown): { pattern: string; flags: string }[] {
  if (typeof node !== "object" || node === null) return [];
  const children = Object.values(node).flatMap(regexesIn);
  const regex = "regex" in node ? REGEX.safeParse(node.regex).data : undefined;
  return regex ? [regex, ...children] : children;
}

/** How long a pattern may take over all its texts, milliseconds: one that reads each once needs a hundredth of it. */
const INLINE_WAIT = 10_000;

/** The patterns that did not come to an end. */
async function endless(patterns: readonly Pattern[]): Promise<Pattern[]> {
  const worker = new Worker(new URL("worker.ts", import.meta.url), { workerData: { patterns } });
  const stuckAt = await new Promise<number>((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    worker.on("message", (index: number) => {
      clearTimeout(timer);
      if (index === patterns.length) resolve(index);
      else timer = setTimeout(() => resolve(index), INLINE_WAIT);
    });
    worker.once("error", reject);
  });
  await worker.terminate();
  return patterns
    .slice(stuckAt, stuckAt + 1)
    .concat(stuckAt < patterns.length - 1 ? await endless(patterns.slice(stuckAt + 1)) : []);
}

test("no pattern goes back over a long text again and again", { timeout: 240_000 }, async () => {
  const patterns = await patternsOf("src");
  expect(patterns.length).toBeGreaterThan(60);
  expect((await endless(patterns)).map(({ source }) => source)).toEqual([]);
});

test("and one that does is found", { timeout: 60_000 }, async () => {
  const bad = { source: "(a+)+$", flags: "", length: LONGEST };
  const good = { source: "^a+$", flags: "", length: LONGEST };
  expect(await endless([good, bad, good])).toEqual([bad]);
});
