import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bareProgram, bundleFor } from "./bare-runtime.ts";
import { freePort, type Program, start } from "./process.ts";
import type { Runtime } from "./stack.ts";

/** A Worker of ours that listens. */
export interface Hosted {
  readonly url: string;
  /** Of its process group: what runs it may have started a program of its own. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** A Worker of ours that can be started, again and again, one at a time. */
export interface Prepared {
  /** Where it will listen. */
  readonly url: string;
  readonly program: Program;
  /** The folder of its bundle. */
  readonly folder: string;
  remove(): Promise<void>;
}

/**
 * Bundles a Worker (a module whose default export has `fetch`) for the bare runtime: workerd itself, or Deno.
 *
 * @param entry path of the module, from the top of the project
 * @param env its text bindings, given the address at which it will listen
 * @param flags its compatibility flags on workerd
 * @param options of the bundle
 */
export async function prepare(
  runtime: Runtime,
  entry: string,
  env: (url: string) => Readonly<Record<string, string>>,
  flags: readonly string[] = [],
  options: Parameters<typeof bundleFor>[3] = {},
): Promise<Prepared> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = await mkdtemp(join(tmpdir(), "ringback-host-"));
  await bundleFor(runtime, entry, join(folder, "worker.mjs"), options);
  const program = await bareProgram(runtime, folder, "worker.mjs", { port, env: env(url), flags });
  return { url, program, folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Runs a Worker on the bare runtime; the parameters are those of {@link prepare}. */
export async function host(...worker: Parameters<typeof prepare>): Promise<Hosted> {
  const { url, program, remove } = await prepare(...worker);
  const { running } = await start(program);
  return {
    url,
    pid: running.pid,
    stop: async () => {
      await running.stop();
      await remove();
    },
  };
}
