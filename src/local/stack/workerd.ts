import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Log, LogLevel, Miniflare } from "miniflare";
import { root } from "../root.ts";
import type { Gateway, GatewayOptions } from "./gateway.ts";
import { forTerminal } from "./log-lines.ts";
import type { Variables } from "./services.ts";

/** The Worker that has the static pages. */
const PAGES = "pages";

/**
 * Runs the bundle on workerd. The port is workerd's own socket: no request passes through Node or through
 * Miniflare's Worker in front, which was measured to halve the throughput.
 */
export async function startOnWorkerd(options: GatewayOptions): Promise<Gateway> {
  const { promise: crashed, resolve: crash } = Promise.withResolvers<string>();
  const show = forTerminal(process.stdout.isTTY && process.stderr.isTTY, process.env["NO_COLOR"]);
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    logRequests: false,
    enableDevRegistry: false,
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: ({ message }) => process.stderr.write(`${show(message)}\n`),
    unsafeHandleRuntimeRestart: () => crash("workerd ended"),
    workers: [
      {
        config: {
          name: "ringback",
          ...(await compatibility()),
          manifest: {
            mainModule: "worker.js",
            // A list of modules, because the bundle has an import of a computed name.
            modules: { "worker.js": { type: "esm", contents: await readFile(options.build.script, "utf8") } },
          },
          env: { ...asBindings(options.variables), ASSETS: { type: "worker", worker: PAGES } },
        },
        dev: {
          rootPath: root,
          unsafeRegisterWorker: false,
          unsafeDirectSockets: [{ host: "127.0.0.1", port: options.port }],
        },
      },
      await pagesWorker(options.build.assets),
    ],
  });
  await miniflare.ready;
  void sweep(miniflare);
  const timer = setInterval(() => void sweep(miniflare), options.sweepEvery);
  return {
    crashed,
    close: async () => {
      clearInterval(timer);
      await miniflare.dispose();
    },
  };
}

/**
 * The static pages, as a Worker of their own: a Worker with assets gets Miniflare's router in front of it, which
 * was measured to cost two thirds of its throughput.
 */
async function pagesWorker(directory: string) {
  const contents = "export default { fetch: (request, env) => env.ASSETS.fetch(request) };";
  return {
    config: {
      name: PAGES,
      ...(await compatibility()),
      manifest: { mainModule: "pages.js", modules: { "pages.js": { type: "esm" as const, contents } } },
      env: { ASSETS: { type: "assets" as const } },
      assets: { directory, hasUserWorker: true, runWorkerFirst: true },
    },
    dev: { rootPath: root, unsafeRegisterWorker: false },
  };
}

function asBindings(variables: Variables): Record<string, { type: "text"; value: string }> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [name, { type: "text" as const, value }]),
  );
}

/** Does what the cron trigger does when deployed. */
async function sweep(miniflare: Miniflare): Promise<void> {
  try {
    const worker = await miniflare.getWorker();
    await worker.scheduled({ cron: "* * * * *" });
  } catch (error) {
    process.stderr.write(`sweep: ${error instanceof Error ? error.message : error}\n`);
  }
}

/** The compatibility date and flags that the Worker is deployed with. */
async function compatibility(): Promise<{ compatibilityDate: string; compatibilityFlags: string[] }> {
  const toml = await readFile(join(root, "wrangler.toml"), "utf8");
  const date = /^compatibility_date = "([^"]+)"$/m.exec(toml)?.[1];
  const flags = /^compatibility_flags = \[(.*)\]$/m.exec(toml)?.[1];
  if (date === undefined || flags === undefined) throw new Error("wrangler.toml names no compatibility");
  return { compatibilityDate: date, compatibilityFlags: flags.match(/[a-z_]+/g) ?? [] };
}
