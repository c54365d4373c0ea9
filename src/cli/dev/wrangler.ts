import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { root } from "../../local/root.ts";
import type { Variables } from "../../local/stack/services.ts";
import { UsageError } from "../common/failure.ts";
import { COMPATIBILITY } from "../init/wrangler.ts";
import { builtIn, installedFile } from "./installed.ts";
import type { Program } from "./launch.ts";
import { VARIABLE_FILES } from "./own-variables.ts";

export interface GatewayPlan {
  /** Relative to the working directory; undefined: the built-in one. */
  readonly entry: string | undefined;
  readonly port: number;
  readonly variables: Variables;
}

const CONFIGS = ["wrangler.toml", "wrangler.json", "wrangler.jsonc"];

/**
 * `wrangler dev`, which bundles the Worker again whenever a source changes: with the project's own configuration, or
 * with one that is made for it.
 *
 * @throws UsageError when wrangler is not installed
 */
export async function wranglerProgram({ entry, port, variables }: GatewayPlan): Promise<Program> {
  const wrangler = installedFile("wrangler/bin/wrangler.js");
  if (wrangler === undefined) {
    throw new UsageError(
      "wrangler is not installed here: npm install --save-dev wrangler (or use --runtime deno)",
    );
  }
  const isOwn = entry !== undefined && CONFIGS.some((name) => existsSync(name));
  const made = isOwn
    ? undefined
    : await writeConfig(resolve(entry ?? builtIn("worker")), entry === undefined);
  return {
    command: process.execPath,
    args: [
      wrangler,
      "dev",
      ...(made ? ["--config", join(made, "wrangler.json")] : [entry ?? "", ...variableFiles()]),
      "--ip=127.0.0.1",
      `--port=${port}`,
      "--test-scheduled",
      "--show-interactive-dev-session=false",
      ...Object.entries(variables).flatMap(([name, value]) => ["--var", `${name}:${value}`]),
    ],
    // wrangler also looks here for the secrets that a configuration requires. Nothing is asked of the network for
    // `request.cf`.
    env: { ...variables, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" },
    ...(made !== undefined && { cleanUp: () => rm(made, { recursive: true, force: true }) }),
  };
}

/**
 * The project's files of variables. Left to itself, wrangler stops at `.dev.vars`, and then misses each secret that the
 * configuration requires and the stand-ins have. The last file counts.
 */
function variableFiles(): readonly string[] {
  const present = VARIABLE_FILES.filter((file) => existsSync(file));
  return present.toReversed().map((file) => `--env-file=${resolve(file)}`);
}

/** @returns the folder */
async function writeConfig(main: string, isBuiltIn: boolean): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ringback-dev-"));
  const assets = join(root, "dist/assets");
  const config = {
    name: "ringback",
    main,
    compatibility_date: COMPATIBILITY.date,
    compatibility_flags: COMPATIBILITY.flags,
    ...(isBuiltIn &&
      existsSync(assets) && { assets: { directory: assets, binding: "ASSETS", run_worker_first: true } }),
    triggers: { crons: ["* * * * *"] },
  };
  await writeFile(join(folder, "wrangler.json"), JSON.stringify(config));
  return folder;
}
