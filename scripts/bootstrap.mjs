/*
 * node scripts/bootstrap.mjs <file> [arguments]: installs the packages of the lock file when they are not there yet, and
 * runs the file on the Node among them. Plain JavaScript, because Node 20, which may start it, runs no TypeScript.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(fileURLToPath(import.meta.url), "../..");
const modules = join(root, "node_modules");

/** How often to look whether the parent, npm or its shell, is still there. */
const LOOK_EVERY_MS = 500;

const [file, ...args] = process.argv.slice(2);
if (!file) {
  console.error("usage: node scripts/bootstrap.mjs <file> [arguments]");
  process.exit(2);
}

const parent = process.ppid;
install();
run();

/** Installs when something that the lock file asks for is not there, or not in its version. */
function install() {
  const wanted = packages(join(root, "package-lock.json"));
  const present = packages(join(modules, ".package-lock.json"));
  const isMissing = ([path, { version, optional }]) =>
    path !== "" && !optional && present[path]?.version !== version;
  if (!Object.entries(wanted).some(isMissing)) return;
  console.log("install: npm ci, once");
  const began = Date.now();
  const { status } = spawnSync(
    "npm",
    ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"],
    {
      cwd: root,
      stdio: ["ignore", "ignore", "inherit"],
      shell: process.platform === "win32",
    },
  );
  if (status !== 0) {
    console.error("install: npm ci failed");
    process.exit(status ?? 1);
  }
  console.log(`install: done in ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

function packages(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).packages : {};
}

/** Runs the file in this process group, on this terminal, and ends with its exit code. */
function run() {
  const node = join(modules, "node/bin/node");
  const child = spawn(node, [file, ...args], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PATH: `${join(modules, ".bin")}${delimiter}${process.env.PATH ?? ""}` },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // npm passes signals on to its shell, and a shell passes them to nobody: when the parent is gone, it is time to end.
  const watch = setInterval(() => {
    if (process.env.npm_lifecycle_event === undefined || process.ppid === parent) return;
    clearInterval(watch);
    child.kill("SIGTERM");
  }, LOOK_EVERY_MS);
  child.once("error", (error) => {
    console.error(`${node} cannot be started: ${error.message}`);
    process.exit(1);
  });
  child.once("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
