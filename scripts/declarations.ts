import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { root } from "../src/local/root.ts";
import { eventData } from "./event-data.ts";

/** The modules that a consumer imports, below src. */
const ENTRIES = [
  "index",
  "client/index",
  "receiver/index",
  "runtime/deno",
  "runtime/workers",
  "task-types/index",
];

/** An import or export of another module of ours, up to its path. */
const RELATIVE = /((?:\bfrom|\bimport\()\s*")(\.[^"]*)\.ts"/g;

/** Writes the declarations of the package: those of its entry points, and of the modules that these lead to. */
export async function writeDeclarations(folder: string): Promise<void> {
  const all = await mkdtemp(join(tmpdir(), "ringback-types-"));
  try {
    const tsc = join(root, "node_modules/.bin/tsc");
    await promisify(execFile)(tsc, ["-p", join(root, "tsconfig.package.json"), "--outDir", all]);
    await writeFile(join(all, "receiver/event-data.d.ts"), await eventData());
    for (const [module, text] of await reachable(all)) {
      const target = join(folder, `${module}.d.ts`);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, text);
    }
  } finally {
    await rm(all, { recursive: true, force: true });
  }
}

/**
 * The declarations that the entry points lead to, by module. The compiler keeps the names of TypeScript files in them;
 * a consumer looks for files next to JavaScript.
 */
async function reachable(folder: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const left = [...ENTRIES];
  for (let module = left.pop(); module !== undefined; module = left.pop()) {
    if (found.has(module)) continue;
    const text = await readFile(join(folder, `${module}.d.ts`), "utf8");
    found.set(module, text.replace(RELATIVE, '$1$2.js"'));
    for (const [, , path = ""] of text.matchAll(RELATIVE)) {
      left.push(relative(folder, resolve(folder, dirname(module), path)));
    }
  }
  return found;
}
