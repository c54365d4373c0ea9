import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { runChild } from "../src/local/child.ts";
import { root } from "../src/local/root.ts";

/** What the tests need and npm cannot install: a program on the PATH, by the Debian package that has it. */
const PROGRAMS = [
  { names: ["redis-server"], package: "redis-server" },
  { names: ["ffmpeg"], package: "ffmpeg" },
  { names: ["pdftotext"], package: "poppler-utils" },
];

const isOnPath = (name: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)));

const missing = PROGRAMS.filter(({ names }) => !names.some(isOnPath)).map((program) => program.package);
if (missing.length > 0 && !(await installed(missing))) {
  console.error(`missing: ${missing.join(", ")}; type: sudo apt-get install -y ${missing.join(" ")}`);
  process.exit(1);
}
process.exitCode = await runChild(process.execPath, [
  join(root, "node_modules/vitest/vitest.mjs"),
  "run",
  ...process.argv.slice(2),
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
