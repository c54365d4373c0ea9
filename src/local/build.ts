import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buildAssets } from "./assets.ts";
import { bundleWorker } from "./bundle.ts";
import { buildReceiver } from "./receiver.ts";
import { root } from "./root.ts";
import { collectScripts, writeScripts } from "./scripts.ts";

export interface Build {
  /** The Worker as one module. */
  readonly script: string;
  /** What lies outside of the bundle: OpenAPI document, problems, reference, the scripts' texts. */
  readonly assets: string;
}

/**
 * Bundles the gateway as `wrangler deploy` does, and writes its pages, into `dist/`. Others may read there or
 * build at the same time: a file changes from one whole version to the next, and never is away.
 */
export async function build(): Promise<Build> {
  const dist = join(root, "dist");
  await mkdir(dist, { recursive: true });
  const fresh = await mkdtemp(join(dist, ".fresh-"));
  try {
    const scripts = await collectScripts();
    await Promise.all([
      bundleWorker(join(fresh, "worker/worker.js"), scripts),
      buildAssets(join(fresh, "assets")),
      writeScripts(scripts, join(fresh, "assets/scripts")),
    ]);
    for (const folder of ["worker", "assets"]) await replace(join(fresh, folder), join(dist, folder));
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return { script: join(dist, "worker/worker.js"), assets: join(dist, "assets") };
}

/** Moves every file of one folder over the other's, then drops what the first did not have. */
async function replace(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const files = await filesIn(from);
  for (const file of files) {
    await mkdir(dirname(join(to, file)), { recursive: true });
    await rename(join(from, file), join(to, file));
  }
  for (const file of await filesIn(to)) if (!files.includes(file)) await rm(join(to, file), { force: true });
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

if (import.meta.main) {
  const began = performance.now();
  await Promise.all([build(), buildReceiver()]);
  console.log(
    `build: dist/worker, dist/assets and dist/receiver.js in ${Math.round(performance.now() - began)} ms`,
  );
}
