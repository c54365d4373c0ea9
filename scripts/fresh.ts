import { createHash } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../src/local/root.ts";

/** The programs of a local gateway. */
export interface Build {
  /** The Worker as one module. */
  readonly script: string;
  /** The folder of the static pages. */
  readonly assets: string;
}

const SOURCES = [
  "src",
  "scripts",
  "docs",
  "examples",
  "README.md",
  "SECURITY.md",
  "package.json",
  "package-lock.json",
];

/** Each build notes in dist what it was made from. */
const STAMPS = { gateway: "dist/.made-from", package: "dist/.package-made-from" };

/** The local build of the sources as they are: made now, unless the last one was made from the same. */
export async function freshBuild(): Promise<Build & { readonly made: boolean }> {
  const worker = join(root, "dist/worker");
  const assets = join(root, "dist/assets");
  const made = await unlessMade("gateway", async () => {
    // Only now: loading the bundler and the document takes longer than to find that nothing has changed.
    const [{ buildAssets }, { bundleWorker }, { replaceFolder }] = await Promise.all([
      import("./assets.ts"),
      import("./bundle.ts"),
      import("./folder.ts"),
    ]);
    await Promise.all([
      replaceFolder(worker, (folder) => bundleWorker(join(folder, "worker.js"))),
      replaceFolder(assets, buildAssets),
    ]);
  });
  return { script: join(worker, "worker.js"), assets, made };
}

/** Builds the modules of the package from the sources as they are, unless the last ones were made from the same. */
export async function freshPackage(): Promise<void> {
  await unlessMade("package", async () => (await import("./package.ts")).buildPackage());
}

/** Whether it had to be made. */
async function unlessMade(what: keyof typeof STAMPS, make: () => Promise<void>): Promise<boolean> {
  const stamp = join(root, STAMPS[what]);
  const sources = await fingerprint();
  const last = await readFile(stamp, "utf8").catch(() => ""); // never built
  if (last === sources) return false;
  await make();
  await writeFile(stamp, sources);
  return true;
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
