import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../src/local/root.ts";
import { freshPackage } from "./fresh.ts";

/**
 * Packs the package as a release would, and judges the archive: every export has a file and types, for each way in
 * which a project may resolve modules. It is a package of ES modules alone; Node 22 takes them by `require` too.
 */
const folder = await mkdtemp(join(tmpdir(), "ringback-pack-"));
const run = promisify(execFile);
try {
  await freshPackage();
  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
  const { stdout } = await run("npm", pack, { cwd: root, maxBuffer: 64 * 1_048_576 });
  const [packed] = JSON.parse(stdout) as readonly { filename: string; size: number; entryCount: number }[];
  if (!packed) throw new Error(`npm pack made nothing:\n${stdout}`);
  const archive = join(folder, packed.filename);
  console.log(`package: ${(packed.size / 1_024).toFixed(0)} KiB in ${packed.entryCount} files`);
  for (const [tool, ...args] of [
    ["publint", "run", archive, "--strict"],
    ["attw", archive, "--profile", "esm-only", "--format", "ascii"],
  ] as const) {
    await run(join(root, "node_modules/.bin", tool), args).catch(
      (error: { stdout: string; stderr: string }) => {
        console.error(`${tool}:\n${error.stdout}${error.stderr}`);
        process.exitCode = 1;
      },
    );
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
