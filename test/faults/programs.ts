import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bareProgram } from "../support/bare-runtime.ts";
import { freePort, node, type Program, type Running, root, signalGroup, start } from "../support/process.ts";
import type { Runtime } from "../support/stack.ts";
import { bundleName } from "./build.ts";

/** A program that is killed and started again at the same address, as by a supervisor. */
export interface Supervised {
  readonly name: string;
  readonly url: string;
  /** Whether it runs at this moment. */
  readonly isUp: boolean;
  /** How long it has stood still, in milliseconds: 0 while it does not. */
  readonly stillFor: number;
  kills: number;
  /** SIGKILL, and a new start so many milliseconds later. */
  kill(downMs: number): Promise<void>;
  /**
   * It stands still for so many milliseconds, no longer than until `over`, and then goes on as if nothing had been.
   *
   * @returns false when it was not up
   */
  stall(ms: number, over: AbortSignal): Promise<boolean>;
  stop(): Promise<void>;
  /** The output of its present process. */
  output(): string;
}

/** Others work on this machine, too: a storm can wait. */
const NICE = 5;

/** How often a start is tried: somebody else may have been given the port meanwhile. */
const STARTS = 20;

async function supervise(name: string, url: string, program: Program): Promise<Supervised> {
  let running: Running | undefined;
  let printed = "";
  let stopped = false;
  let stillSince: number | undefined;
  const launch = async (): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        ({ running } = await start(program));
        setPriority(running.pid, NICE);
        return;
      } catch (error) {
        if (attempt === STARTS) throw error;
        await sleep(500);
      }
    }
  };
  const end = async (how: "kill" | "stop"): Promise<void> => {
    const ending = running;
    running = undefined;
    printed = (printed + (ending?.output() ?? "")).slice(-200_000);
    await ending?.[how]();
  };
  await launch();
  const supervised: Supervised = {
    name,
    url,
    get isUp() {
      return running !== undefined;
    },
    get stillFor() {
      return stillSince === undefined ? 0 : performance.now() - stillSince;
    },
    kills: 0,
    async kill(downMs) {
      supervised.kills += 1;
      await end("kill");
      await sleep(downMs);
      if (!stopped) await launch();
    },
    async stall(ms, over) {
      const standing = running;
      if (!standing) return false;
      signalGroup(standing.pid, "SIGSTOP");
      stillSince = performance.now();
      await sleep(ms, undefined, { signal: over }).catch(() => undefined); // the storm is over
      stillSince = undefined;
      signalGroup(standing.pid, "SIGCONT");
      return true;
    },
    async stop() {
      stopped = true;
      await end("stop");
    },
    output: () => printed + (running?.output() ?? ""),
  };
  return supervised;
}

/** A redis-server that keeps what it has acknowledged: each write is on disk before its answer. */
export async function startKeptRedis(): Promise<Supervised & { remove(): Promise<void> }> {
  const binary = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"].find(existsSync) ?? "redis-server";
  const folder = await mkdtemp(join(tmpdir(), "ringback-storm-redis-"));
  const port = await freePort();
  const place = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  const redis = await supervise("redis", `redis://127.0.0.1:${port}`, {
    command: binary,
    args: [...place, "--appendonly", "yes", "--appendfsync", "always"],
    ready: /Ready to accept connections/,
  });
  return Object.assign(redis, { remove: () => rm(folder, { recursive: true, force: true }) });
}

/** A stand-in as a process of its own, on that Redis. */
export async function startStandIn(kind: "redis" | "qstash", redisUrl: string): Promise<Supervised> {
  const port = await freePort();
  return supervise(`${kind} stand-in`, `http://127.0.0.1:${port}`, {
    command: node,
    args: [join(root, `src/local/${kind}/main.ts`)],
    env: { REDIS_URL: redisUrl, PORT: `${port}` },
    ready: /^ready /m,
  });
}

/** A gateway on its bare runtime, from the bundles in `folder`. */
export async function startGatewayProgram(
  runtime: Runtime,
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<Supervised> {
  const port = await freePort();
  const program = await bareProgram(runtime, folder, bundleName(runtime), { port, env });
  return supervise(runtime, `http://127.0.0.1:${port}`, program);
}
