import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, node, type Program, type Running, root, start } from "../support/process.ts";
import type { Runtime } from "../support/stack.ts";

/** A program that is killed and started again at the same address, as by a supervisor. */
export interface Supervised {
  readonly name: string;
  readonly url: string;
  /** Whether it runs at this moment. */
  readonly isUp: boolean;
  kills: number;
  /** SIGKILL, and a new start so many milliseconds later. */
  kill(downMs: number): Promise<void>;
  stop(): Promise<void>;
  /** What its present process has printed. */
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
    kills: 0,
    async kill(downMs) {
      supervised.kills += 1;
      await end("kill");
      await sleep(downMs);
      if (!stopped) await launch();
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
  const url = `http://127.0.0.1:${port}`;
  if (runtime === "deno") {
    return supervise(runtime, url, {
      command: join(root, "node_modules/.bin/deno"),
      args: ["run", "--no-config", "--allow-net", "--allow-env", join(folder, "server.mjs")],
      env: { ...env, PORT: `${port}` },
      ready: /listening/,
    });
  }
  const config = join(folder, "workerd.capnp");
  await writeFile(config, workerdConfig(port, env));
  return supervise(runtime, url, {
    command: join(root, "node_modules/.bin/workerd"),
    args: ["serve", "--control-fd=2", config],
    ready: /"event":"listen"/,
  });
}

/** @see https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp */
function workerdConfig(port: number, env: Readonly<Record<string, string>>): string {
  const bindings = Object.entries(env).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = (
      modules = [(name = "worker", esModule = embed "workerd.mjs")],
      compatibilityDate = "2026-11-01",
      bindings = [${bindings.join(", ")}],
    )),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "worker")],
);
`;
}
