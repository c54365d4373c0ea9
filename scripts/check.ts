import { execFile } from "node:child_process";
import { join } from "node:path";
import { root } from "../src/local/root.ts";
import { buildAssets } from "./assets.ts";

interface Outcome {
  readonly passed: boolean;
  readonly said: string;
}

/** Runs a program to its end; what it says is shown when it fails. */
function run(command: string, ...args: readonly string[]): Promise<Outcome> {
  const options = { cwd: root, maxBuffer: 64 * 1_048_576 };
  return new Promise((resolve) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      resolve({ passed: error === null, said: `${stdout}${stderr}`.trim() });
    });
  });
}

const tool = (name: string, ...args: readonly string[]): Promise<Outcome> =>
  run(join(root, "node_modules/.bin", name), ...args);

/** The document is linted as it is served: made anew from the routes. */
async function lintDocument(): Promise<Outcome> {
  const folder = join(root, "dist/assets");
  await buildAssets(folder);
  const { passed, said } = await tool("redocly", "lint", join(folder, "openapi.json"));
  return { passed: passed && !/You have \d+ warning/.test(said), said };
}

/** What must hold of the source, beside its tests. */
const CHECKS: Readonly<Record<string, () => Promise<Outcome>>> = {
  types: () => tool("tsc", "--noEmit"),
  style: () => tool("biome", "check", "--error-on-warnings", "--max-diagnostics=200"),
  layers: () => tool("depcruise", "--config", ".dependency-cruiser.mjs", "src", "scripts"),
  "unused code": () => tool("knip", "--treat-config-hints-as-errors"),
  "API document": lintDocument,
  "bundle size": () => run(process.execPath, join(root, "scripts/size.ts")),
};

// All run, so that one look shows everything.
const failed: string[] = [];
for (const [name, check] of Object.entries(CHECKS)) {
  const began = performance.now();
  const { passed, said } = await check();
  console.log(
    `${passed ? "ok    " : "FAILED"} ${name} (${((performance.now() - began) / 1_000).toFixed(1)} s)`,
  );
  if (!passed) failed.push(name);
  if (!passed || name === "bundle size") console.log(said.replace(/^/gm, "       "));
}
console.log(failed.length === 0 ? "check: passed" : `check: failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
