import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { runChild } from "../src/local/child.ts";
import { root } from "../src/local/root.ts";
import { BROWSERS } from "../test/support/browser-names.ts";

/*
 * npm test [vitest's arguments]: unit, store and end-to-end tests. npm run test:slow: the tests that take longer or need
 * more programs. `--project` chooses for itself.
 */

/** Programs that npm cannot install, by the Debian package that contains them. One of the names is enough. */
const QUICK_PROGRAMS = [{ names: ["redis-server"], package: "redis-server" }];
const SLOW_PROGRAMS = [
  ...QUICK_PROGRAMS,
  { names: BROWSERS, package: "chromium" },
  { names: ["ffmpeg"], package: "ffmpeg" },
  { names: ["pdftotext"], package: "poppler-utils" },
];

const [first, ...others] = process.argv.slice(2);
const slow = first === "--slow";
const args = slow ? others : process.argv.slice(2);

const isOnPath = (name: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)));

const missing = (slow ? SLOW_PROGRAMS : QUICK_PROGRAMS)
  .filter(({ names }) => !names.some(isOnPath))
  .map((program) => program.package);
if (missing.length > 0 && !(await installed(missing))) {
  console.error(`missing: ${missing.join(", ")}; type: sudo apt-get install -y ${missing.join(" ")}`);
  process.exit(1);
}

const chosen = args.some((arg) => arg.startsWith("--project"));
const tier = slow ? ["--project", "slow*"] : ["--project", "unit", "--project", "e2e*"];
process.exitCode = await runChild(process.execPath, [
  join(root, "node_modules/vitest/vitest.mjs"),
  "run",
  ...(chosen ? [] : tier),
  ...args,
]);

/** Installs Debian packages where that is allowed without a question. */
async function installed(packages: readonly string[]): Promise<boolean> {
  if (process.getuid?.() !== 0 || !isOnPath("apt-get")) return false;
  console.log(`install: apt-get install ${packages.join(" ")}, once`);
  const quiet = { DEBIAN_FRONTEND: "noninteractive" };
  await runChild("apt-get", ["update", "-qq"], quiet);
  const install = ["install", "-y", "-qq", "--no-install-recommends", ...packages];
  return (await runChild("apt-get", install, quiet)) === 0;
}
