import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

export const root: string = resolve(import.meta.dirname, "../..");

/** The starter's view of a started program. */
export interface Running {
  readonly pid: number;
  /** Everything it has printed until now, both streams. */
  output(): string;
  /** SIGKILL to it and to all that it started, at once: nothing of it can say another word. */
  kill(): Promise<void>;
  /** Ends it the way Ctrl-C does; processes that are left after 5 s are killed. */
  stop(): Promise<void>;
  /** Resolves when it has ended, with its exit code (null when a signal ended it). */
  readonly ended: Promise<number | null>;
}

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Seen in the output once the program can be used. */
  readonly ready: RegExp;
  readonly timeoutMs?: number;
  /** Where it runs; the top of the project unless given. */
  readonly cwd?: string;
}

/**
 * Reads `+ <group>` and `- <group>`, and when its input ends, however the run ended, kills the groups that are left:
 * a test run that is cut short must not leave servers behind.
 */
const WATCH = `all=" "
while read -r sign group; do
  case $sign in
    +) all="$all$group " ;;
    -) all="\${all%% $group *} \${all#* $group }" ;;
  esac
done
for group in $all; do kill -9 "-$group"; done`;

let watcher: ChildProcess | undefined;

function watch(sign: "+" | "-", group: number): void {
  if (!watcher) {
    watcher = spawn("/bin/sh", ["-c", WATCH], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
    watcher.unref(); // it ends after us, that is its purpose
    if (watcher.stdin instanceof Socket) watcher.stdin.unref();
  }
  watcher.stdin?.write(`${sign} ${group}\n`);
}

/** Sends a signal to a process and all that it started; nothing when they are gone. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error; // gone already
  }
}

/**
 * Starts a program in a process group of its own and waits until its output matches `ready`.
 * @throws Error with the output's end when it exits first or takes longer than `timeoutMs` (60 s).
 */
export async function start(program: Program): Promise<{ running: Running; match: RegExpExecArray }> {
  const child = spawn(program.command, program.args, {
    cwd: program.cwd ?? root,
    env: { ...inherited(), ...program.env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program.command} could not be started`);
  watch("+", pid);

  let printed = "";
  const ended = new Promise<number | null>((done) => {
    child.once("close", (code) => done(code));
    child.once("error", () => done(null));
  });
  const running: Running = {
    pid,
    output: () => printed,
    ended,
    kill: () => end(pid, ended, "SIGKILL"),
    stop: () => end(pid, ended, "SIGINT"),
  };
  const match = new Promise<RegExpExecArray>((found) => {
    let isReady = false;
    const listen = (chunk: Buffer): void => {
      printed += chunk.toString();
      if (isReady) return; // what a busy program prints later is long
      const hit = program.ready.exec(printed);
      if (!hit) return;
      isReady = true;
      found(hit);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
  });
  const hit = await Promise.race([
    match,
    ended.then(() => "exit" as const),
    late(program.timeoutMs ?? 60_000),
  ]);
  if (typeof hit === "string") {
    await running.kill();
    throw new Error(`${describe(child)} was not ready (${hit}):\n${printed.slice(-4_000)}`);
  }
  return { running, match: hit };
}

// The surroundings of the test run, without what would configure a gateway.
function inherited(): NodeJS.ProcessEnv {
  const ours = /^(RINGBACK_|UPSTASH_|QSTASH_|REDIS_URL$|PORT$|RUNTIME$|VITEST|NODE_OPTIONS$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

async function end(pid: number, ended: Promise<number | null>, signal: NodeJS.Signals): Promise<void> {
  signalGroup(pid, signal);
  if (signal !== "SIGKILL") await Promise.race([ended, late(5_000)]);
  signalGroup(pid, "SIGKILL"); // its children too, also when it went without them
  await ended;
  watch("-", pid);
}

async function late(ms: number): Promise<"timeout"> {
  await sleep(ms, undefined, { ref: false });
  return "timeout";
}

function describe(child: ChildProcess): string {
  return child.spawnargs.join(" ");
}

/** Node as the project's own scripts run it: the version that runs TypeScript. */
export const node: string = join(root, "node_modules/node/bin/node");

/** Below the ports that systems give to connections by themselves: one of those is taken again at once. */
const FIRST_PORT = 10_000;
/** Each process takes from a range of its own, in turn, so that two at once rarely choose the same port. */
const RANGES = 100;
const RANGE = 220;
let taken = randomInt(RANGE);

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + (process.pid % RANGES) * RANGE + (taken++ % RANGE);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((tell) => {
    const server = createServer();
    server.once("error", () => tell(false));
    server.listen(port, "127.0.0.1", () => server.close(() => tell(true)));
  });
}

/** Starts a real redis-server that keeps its data in a folder of its own, removed when it stops. */
export async function startRedis(
  options: { appendOnly?: boolean; port?: number; args?: readonly string[] } = {},
): Promise<{ url: string; running: Running; stop(): Promise<void> }> {
  const binary = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"].find(existsSync) ?? "redis-server";
  const folder = await mkdtemp(join(tmpdir(), "ringback-redis-"));
  const port = options.port ?? (await freePort());
  const { running } = await start({
    command: binary,
    args: ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""].concat(
      options.appendOnly ? ["--appendonly", "yes", "--appendfsync", "always"] : [],
      options.args ?? [],
    ),
    ready: /Ready to accept connections/,
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    running,
    stop: async () => {
      await running.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
