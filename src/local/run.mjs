/*
 * Runs a command of this project: node src/local/run.mjs <command> [arguments].
 * Plain JavaScript, because the Node it is started with may be 20, which runs no TypeScript: it installs what
 * the lock file names, then hands over to the Node among the dependencies, in the same process group.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "../..");
const modules = join(root, "node_modules");

/** What each command runs, from the top of the project; its arguments follow. */
const COMMANDS = {
  start: ["src/local/start.ts"],
  dev: ["src/local/dev.ts"],
  build: ["src/local/build.ts"],
  size: ["src/local/size.ts"],
  test: ["src/local/test.ts"],
  check: ["src/local/check.ts"],
  key: ["src/local/key.ts"],
  schedule: ["src/local/schedule.ts"],
  bench: ["bench/main.ts"],
  fuzz: ["test/fuzz/main.ts"],
  faults: ["test/faults/main.ts"],
  soak: ["bench/soak/main.ts"],
  crowd: ["bench/crowd/main.ts"],
  "local:redis": ["src/local/redis/main.ts"],
  "local:qstash": ["src/local/qstash/main.ts"],
  lock: ["src/local/lock.ts"],
};

const [name = "", ...rest] = process.argv.slice(2);
if (!Object.hasOwn(COMMANDS, name)) {
  console.error(`usage: node src/local/run.mjs <${Object.keys(COMMANDS).join("|")}> [arguments]`);
  process.exit(2);
}

install();
hand(COMMANDS[name]);

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

function packages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {};
}

/** Becomes the command, as far as a process can: same terminal, same group, same signals, same exit code. */
function hand(entry) {
  const node = join(modules, "node/bin/node");
  const child = spawn(node, [...entry, ...rest], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PATH: `${join(modules, ".bin")}:${process.env.PATH ?? ""}` },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("error", (error) => {
    console.error(`${node} cannot be started: ${error.message}`);
    process.exit(1);
  });
  child.once("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
