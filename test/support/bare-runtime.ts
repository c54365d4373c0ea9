import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import { type Program, root } from "./process.ts";
import type { Runtime } from "./stack.ts";

/**
 * Bundles a Worker (a module whose default export has `fetch`) for a runtime.
 *
 * @param entry path of the module, from the top of the project
 */
export async function bundleFor(
  runtime: Runtime,
  entry: string,
  outfile: string,
  options: Pick<BuildOptions, "define" | "sourcemap"> = {},
): Promise<void> {
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    conditions: runtime === "deno" ? ["deno", "worker"] : ["workerd", "worker"],
    external: ["node:*"],
    loader: { ".ttf": "binary" },
    logLevel: "error",
    ...options,
  });
}

/** Where a Worker listens, and its text bindings. */
export interface Place {
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  /** Compatibility flags of workerd. */
  readonly flags?: readonly string[];
}

/**
 * The program that starts a bundled Worker on the bare runtime: workerd itself, or Deno.
 *
 * @param folder of the bundle, and of the runtime's own files
 * @param bundle the bundle's name there
 */
export async function bareProgram(
  runtime: Runtime,
  folder: string,
  bundle: string,
  place: Place,
): Promise<Program> {
  if (runtime === "deno") {
    const server = join(folder, `${bundle}.server.mjs`);
    await writeFile(server, denoServer(bundle, place));
    return {
      command: join(root, "node_modules/.bin/deno"),
      args: ["run", "--no-config", "--allow-net", "--allow-env", server],
      ready: /listening/,
    };
  }
  const config = join(folder, `${bundle}.capnp`);
  await writeFile(config, workerdConfig(bundle, place));
  return {
    command: join(root, "node_modules/.bin/workerd"),
    args: ["serve", "--control-fd=2", config],
    ready: /"event":"listen"/,
  };
}

/** @see https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp */
function workerdConfig(bundle: string, { port, env, flags = [] }: Place): string {
  const bindings = Object.entries(env).map(
    ([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = (
      modules = [(name = "worker", esModule = embed "${bundle}")],
      compatibilityDate = "2026-11-01",
      compatibilityFlags = ${JSON.stringify(flags)},
      bindings = [${bindings.join(", ")}],
    )),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "worker")],
);
`;
}

function denoServer(bundle: string, { port, env }: Place): string {
  return `import worker from "./${bundle}";
const env = ${JSON.stringify(env)};
const context = { waitUntil: (work) => void work };
Deno.serve(
  { hostname: "127.0.0.1", port: ${port}, onListen: () => console.log("listening") },
  (request) => worker.fetch(request, env, context),
);
`;
}
