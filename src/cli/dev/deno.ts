import { spawnSync } from "node:child_process";
import process from "node:process";
import { UsageError } from "../common/failure.ts";
import { builtIn, installedFile } from "./installed.ts";
import type { Program } from "./launch.ts";
import type { GatewayPlan } from "./wrangler.ts";

/**
 * `deno run --watch`, with the packages that npm installed.
 *
 * @throws UsageError when Deno is not installed
 */
export async function denoProgram({ entry, port, variables }: GatewayPlan): Promise<Program> {
  // The program itself: its starter in JavaScript would not pass a signal on.
  const installed = installedFile(process.platform === "win32" ? "deno/deno.exe" : "deno/deno");
  const isOnPath = spawnSync("deno", ["--version"], { stdio: "ignore" }).status === 0;
  if (installed === undefined && !isOnPath) {
    throw new UsageError("deno is not installed here: npm install --save-dev deno, or see https://deno.com");
  }
  const options = ["--quiet", "--watch", "--no-clear-screen", "--no-prompt", "--no-lock"];
  const permissions = ["--allow-net", "--allow-env", "--allow-read"];
  return {
    command: installed ?? "deno",
    args: [
      "run",
      ...options,
      ...permissions,
      "--node-modules-dir=manual",
      // Without it a request's signal aborts after each answer.
      "--unstable-no-legacy-abort",
      entry ?? builtIn("deno"),
    ],
    env: { ...variables, HOST: "127.0.0.1", PORT: `${port}` },
  };
}
