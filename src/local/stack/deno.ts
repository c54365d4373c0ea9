import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "../root.ts";
import type { Gateway, GatewayOptions } from "./gateway.ts";

/** How long the gateway may take to end by itself after the signal. */
const GRACE_MS = 1_000;

const LOOK_EVERY_MS = 20;

/** Runs the same app on Deno, from its source, with the packages that npm installed. It sweeps by itself. */
export async function startOnDeno(options: GatewayOptions): Promise<Gateway> {
  const permissions = ["--allow-net", "--allow-env", "--allow-read=.", "--no-prompt"];
  const offline = ["--node-modules-dir=manual", "--no-lock", "--cached-only"];
  // Without it a request's signal aborts after each answer, and Deno writes a line of its own about that into the log.
  const signal = "--unstable-no-legacy-abort";
  const child = spawn(
    join(root, "node_modules/.bin/deno"),
    ["run", "--quiet", ...permissions, ...offline, signal, "src/deno.ts"],
    {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, ...options.variables, HOST: "127.0.0.1", PORT: `${options.port}` },
    },
  );
  // Also when this process ends before it, while it starts for example: nobody else knows of it.
  process.once("exit", () => child.kill("SIGKILL"));
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`deno cannot be started: ${error.message}`));
    child.once("exit", (code, signal) => resolve(`deno ended (${signal ?? `exit code ${code}`})`));
  });
  const givenUp = new AbortController();
  await Promise.race([listening(options.port, givenUp.signal), ended]);
  givenUp.abort();
  return {
    crashed: ended,
    close: async () => {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Resolves once somebody answers at the port, or nobody waits for that any more. */
async function listening(port: number, givenUp: AbortSignal): Promise<void> {
  const isUp = () =>
    fetch(`http://127.0.0.1:${port}/healthz`).then(
      () => true,
      () => false,
    );
  while (!givenUp.aborted && !(await isUp())) await sleep(LOOK_EVERY_MS);
}
