import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { freePort, type Running, root, start } from "./process.ts";
import type { Runtime } from "./stack.ts";

/** A Worker of ours that listens. */
export interface Hosted {
  readonly url: string;
  /** Of its process group: what runs it may have started a program of its own. */
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Runs a Worker (a module whose default export has `fetch`) on the bare runtime: workerd itself, or Deno.
 *
 * @param entry path of the module, from the top of the project
 * @param env its text bindings, given the address at which it will listen
 */
export async function host(
  runtime: Runtime,
  entry: string,
  env: (url: string) => Readonly<Record<string, string>>,
): Promise<Hosted> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = await mkdtemp(join(tmpdir(), "ringback-host-"));
  await build({
    entryPoints: [join(root, entry)],
    outfile: join(folder, "worker.mjs"),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    conditions: runtime === "deno" ? ["deno", "worker"] : ["workerd", "worker"],
    external: ["node:*"],
    logLevel: "error",
  });
  const running =
    runtime === "deno" ? await onDeno(folder, port, env(url)) : await onWorkerd(folder, port, env(url));
  return {
    url,
    pid: running.pid,
    stop: async () => {
      await running.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** @see https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp */
async function onWorkerd(
  folder: string,
  port: number,
  env: Readonly<Record<string, string>>,
): Promise<Running> {
  const bindings = Object.entries(env).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  );
  const config = join(folder, "workerd.capnp");
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = (
      modules = [(name = "worker", esModule = embed "worker.mjs")],
      compatibilityDate = "2026-11-01",
      bindings = [${bindings.join(", ")}],
    )),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "worker")],
);
`,
  );
  const { running } = await start({
    command: join(root, "node_modules/.bin/workerd"),
    args: ["serve", "--control-fd=2", config],
    ready: /"event":"listen"/,
  });
  return running;
}

async function onDeno(folder: string, port: number, env: Readonly<Record<string, string>>): Promise<Running> {
  const server = join(folder, "server.mjs");
  await writeFile(
    server,
    `import worker from "./worker.mjs";
const env = ${JSON.stringify(env)};
const context = { waitUntil: (work) => void work };
Deno.serve(
  { hostname: "127.0.0.1", port: ${port}, onListen: () => console.log("listening") },
  (request) => worker.fetch(request, env, context),
);
`,
  );
  const { running } = await start({
    command: join(root, "node_modules/.bin/deno"),
    args: ["run", "--no-config", "--allow-net", "--allow-env", server],
    ready: /listening/,
  });
  return running;
}
