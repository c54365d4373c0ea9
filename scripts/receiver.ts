import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { build as bundle } from "esbuild";
import { root } from "../src/local/root.ts";

/**
 * Writes `dist/receiver.js` and its types, which the package's `ringback/receiver` is: one module of JavaScript, because
 * no runtime strips types from what lies in node_modules.
 */
export async function buildReceiver(): Promise<void> {
  const dist = join(root, "dist");
  await mkdir(dist, { recursive: true });
  const fresh = await mkdtemp(join(dist, ".receiver-"));
  try {
    await Promise.all([
      bundle({
        entryPoints: [join(root, "src/receiver/index.ts")],
        outfile: join(fresh, "receiver.js"),
        bundle: true,
        format: "esm",
        target: "es2022",
        platform: "neutral",
        logLevel: "error",
      }),
      writeTypes(fresh),
    ]);
    await cp(fresh, dist, { recursive: true });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** The compiler keeps the names of TypeScript files in declarations; a consumer looks for those beside JavaScript. */
async function writeTypes(folder: string): Promise<void> {
  const tsc = join(root, "node_modules/.bin/tsc");
  await promisify(execFile)(tsc, ["-p", join(root, "tsconfig.receiver.json"), "--outDir", folder]);
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => name.endsWith(".d.ts"))) {
    const text = await readFile(join(folder, file), "utf8");
    await writeFile(join(folder, file), text.replace(/(from "\.[^"]*)\.ts"/g, '$1.js"'));
  }
}
