import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { freePort, root, start } from "../test/support/process.ts";
import type { Backing, Runtime } from "../test/support/stack.ts";
import type { Floor } from "./floors/worker.ts";

const COMPATIBILITY_DATE = "2026-11-01";

/** A floor that listens. */
export interface RunningFloor {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a floor on the same runtime and the same services as the gateway that is measured against it. */
export async function startFloor(
  kind: Floor["floor"],
  runtime: Runtime,
  backing: Backing,
): Promise<RunningFloor> {
  const port = await freePort();
  const floor: Floor = {
    floor: kind,
    redisUrl: backing.redis.url,
    redisToken: backing.redis.token,
    qstashUrl: backing.qstash.url,
    qstashToken: backing.qstash.token,
    publicUrl: `http://127.0.0.1:${port}`,
  };
  const folder = await mkdtemp(join(tmpdir(), "ringback-bench-"));
  const script = join(folder, "floor.mjs");
  await build({
    entryPoints: [join(root, "bench/floors", runtime === "deno" ? "deno.ts" : "worker.ts")],
    outfile: script,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    conditions: runtime === "deno" ? ["deno", "worker"] : ["workerd", "worker"],
    external: ["node:*"],
    logLevel: "error",
  });
  const stop = runtime === "deno" ? await onDeno(script, port, floor) : await onWorkerd(script, port, floor);
  const ready = await fetch(`${floor.publicUrl}/ready`);
  if (!ready.ok) throw new Error(`the ${kind} floor on ${runtime} is not ready: ${await ready.text()}`);
  return {
    url: floor.publicUrl,
    stop: async () => {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function onWorkerd(script: string, port: number, floor: Floor): Promise<() => Promise<void>> {
  const bindings = Object.entries(floor).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  );
  const config = join(script, "../workerd.capnp");
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "floor", worker = (
      modules = [(name = "floor", esModule = embed "floor.mjs")],
      compatibilityDate = "${COMPATIBILITY_DATE}",
      bindings = [${bindings.join(", ")}],
    )),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "floor")],
);
`,
  );
  const { running } = await start({
    command: join(root, "node_modules/.bin/workerd"),
    args: ["serve", "--control-fd=2", config],
    ready: /"event":"listen"/,
  });
  return running.stop;
}

async function onDeno(script: string, port: number, floor: Floor): Promise<() => Promise<void>> {
  const { running } = await start({
    command: join(root, "node_modules/.bin/deno"),
    args: ["run", "--no-config", "--allow-net", "--allow-env", script, `${port}`, JSON.stringify(floor)],
    ready: /listening/,
  });
  return running.stop;
}
