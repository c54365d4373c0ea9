import { join } from "node:path";
import { build } from "esbuild";
import { root } from "../src/local/root.ts";

/** Bundles the Worker for a local workerd, with the settings that `wrangler deploy` gives to esbuild. */
export async function bundleWorker(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(root, "src/worker.ts")],
    outfile,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    platform: "browser",
    conditions: ["workerd", "worker", "browser"],
    external: ["node:*", "cloudflare:*"],
    logLevel: "warning",
  });
}
