import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { build } from "esbuild";
import { CLI_BUILD } from "../../scripts/cli-build.ts";
import type { Client } from "./client.ts";
import { node, type Running, root, start } from "./process.ts";

/**
 * The command line, bundled as it is for the package: from its sources it would take Node a second to start. As deep
 * below the top as in the package, so that it finds the same files.
 */
async function bundled(): Promise<readonly string[]> {
  const folder = await mkdtemp(join(root, "dist", ".cli-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  await build({
    ...CLI_BUILD,
    entryPoints: { index: join(root, "src/cli/main.ts") },
    outdir: folder,
  });
  return [node, join(folder, "index.js")];
}

let made: Promise<readonly string[]> | undefined;

/** The program and its first arguments. */
export function cliProgram(): Promise<readonly string[]> {
  made ??= bundled();
  return made;
}

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
  /** Another build of the command line. */
  readonly program?: readonly string[];
}

/** The surroundings without any variable that it would read. */
function surroundings(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = /^(RINGBACK_|UPSTASH_|QSTASH_|REDIS_URL$|PORT$|RUNTIME$|VITEST|NODE_OPTIONS$|FORCE_COLOR$)/;
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name))),
    NO_COLOR: "1",
    ...env,
  };
}

/** Runs a command to its end. */
export async function cli(
  args: readonly string[],
  { env, stdin, cwd, program }: CliOptions = {},
): Promise<CliResult> {
  const [command = "", ...before] = program ?? (await cliProgram());
  const child = spawn(command, [...before, ...args], { env: surroundings(env), ...(cwd && { cwd }) });
  child.stdin.end(stdin ?? "");
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}

/** The variables of a project's key. */
export function keyOf({ url, authorization }: Client): Readonly<Record<string, string>> {
  return { RINGBACK_URL: url, RINGBACK_API_KEY: authorization.replace("Bearer ", "") };
}

/** Starts a command that runs until it is ended, and waits for its output to match. */
export async function startCli(
  args: readonly string[],
  ready: RegExp,
  env: Readonly<Record<string, string>> = {},
): Promise<{ running: Running; match: RegExpExecArray }> {
  const [command = "", ...before] = await cliProgram();
  return await start({ command, args: [...before, ...args], env, ready, timeoutMs: 90_000 });
}
