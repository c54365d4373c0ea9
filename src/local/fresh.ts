import { createHash } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Build } from "./build.ts";
import { root } from "./root.ts";

const SOURCES = ["src", "docs", "package-lock.json"];
const STAMP = join(root, "dist/.made-from");

/** The build of the sources as they are: made now, unless the last one was made from the same. */
export async function freshBuild(): Promise<Build & { readonly made: boolean }> {
  const sources = await fingerprint();
  const last = await readFile(STAMP, "utf8").catch(() => ""); // never built
  const made = last !== sources;
  if (made) {
    // Only now: a bundler and a minifier are a lot to load for finding that nothing has changed.
    const { build } = await import("./build.ts");
    await build();
    await writeFile(STAMP, sources);
  }
  return { script: join(root, "dist/worker/worker.js"), assets: join(root, "dist/assets"), made };
}

/** Changes with any source's name, size or time. */
async function fingerprint(): Promise<string> {
  const files = await Promise.all(SOURCES.map(filesAt));
  const lines = await Promise.all(
    files.flat().map(async (file) => {
      const { size, mtimeMs } = await stat(file);
      return `${file} ${size} ${mtimeMs}`;
    }),
  );
  return createHash("sha256").update(lines.sort().join("\n")).digest("hex");
}

async function filesAt(path: string): Promise<string[]> {
  const whole = join(root, path);
  if ((await stat(whole)).isFile()) return [whole];
  const entries = await readdir(whole, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
