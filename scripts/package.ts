import { cp, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import { root } from "../src/local/root.ts";
import { CLI_BUILD } from "./cli-build.ts";
import { writeDeclarations } from "./declarations.ts";
import { replaceFolder } from "./folder.ts";

/** The folders below dist that hold nothing but parts of the package. */
const FOLDERS = ["chunks", "cli", "client", "entry", "runtime", "task-types", "types"];

/** The modules at the top of dist. */
const FILES = ["index.js", "index.js.map", "receiver.js", "receiver.js.map"];

/**
 * Entry points that share their modules, because they share state: one list of running attempts, one `ConfigError`.
 * Each lies as deep below dist as its source below src, so that both find the same files from their own address.
 */
const GATEWAY = {
  index: "src/index.ts",
  "runtime/deno": "src/runtime/deno.ts",
  "runtime/workers": "src/runtime/workers.ts",
  "task-types/index": "src/task-types/index.ts",
  "entry/worker": "src/worker.ts",
  "entry/deno": "src/deno.ts",
};

/** Programs that run by themselves: they import no package and share no module with the rest. */
const ALONE = { receiver: "src/receiver/index.ts", "client/index": "src/client/index.ts" };

/** Writes the modules of the package and their declarations to dist. Its pages are apart: scripts/assets.ts. */
export async function buildPackage(): Promise<void> {
  const dist = join(root, "dist");
  await mkdir(dist, { recursive: true });
  const fresh = await mkdtemp(join(dist, ".package-"));
  try {
    await Promise.all([bundleAll(fresh), writeDeclarations(join(fresh, "types"))]);
    for (const folder of FOLDERS) {
      await replaceFolder(join(dist, folder), (copy) => cp(join(fresh, folder), copy, { recursive: true }));
    }
    for (const file of FILES) await rename(join(fresh, file), join(dist, file));
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function bundleAll(outdir: string): Promise<void> {
  const external = [...(await installed()), "node:*", "cloudflare:*"];
  const common: BuildOptions = {
    absWorkingDir: root,
    bundle: true,
    format: "esm",
    sourcemap: true,
    outdir,
    logLevel: "warning",
  };
  await Promise.all([
    build({
      ...common,
      entryPoints: GATEWAY,
      splitting: true,
      chunkNames: "chunks/[name]-[hash]",
      platform: "browser",
      target: "es2024",
      external,
    }),
    // Nothing is external here: an import that leads out of the package is an error.
    build({ ...common, entryPoints: ALONE, platform: "browser", target: "es2022" }),
    build({
      ...common,
      ...CLI_BUILD,
      entryPoints: { "cli/index": "src/cli/main.ts" },
      external,
    }),
  ]);
}

/** The packages that are installed with this one, or that a project may install next to it. */
async function installed(): Promise<readonly string[]> {
  const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
    readonly peerDependencies: Readonly<Record<string, string>>;
  };
  return [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)];
}
