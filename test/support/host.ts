import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bareProgram, bundleFor } from "./bare-runtime.ts";
import { freePort, start } from "./process.ts";
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
 * @param flags its compatibility flags on workerd
 */
export async function host(
  runtime: Runtime,
  entry: string,
  env: (url: string) => Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Promise<Hosted> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = await mkdtemp(join(tmpdir(), "ringback-host-"));
  await bundleFor(runtime, entry, join(folder, "worker.mjs"));
  const { running } = await start(
    await bareProgram(runtime, folder, "worker.mjs", { port, env: env(url), flags }),
  );
  return {
    url,
    pid: running.pid,
    stop: async () => {
      await running.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
