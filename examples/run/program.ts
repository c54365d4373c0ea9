import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandFailure } from "../../src/local/command/failure.ts";

/** A program that runs, and prints its lines with its name in front. */
export interface RunningProgram {
  /** Resolves with its name when it has ended by itself. */
  readonly crashed: Promise<string>;
  stop(): Promise<void>;
}

/** How long a program may take to end after the signal. */
const GRACE_MS = 3_000;

/**
 * Starts a program and waits until it says that it can be used.
 *
 * @throws CommandFailure when it ends before that
 */
export async function startProgram(program: {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly ready: RegExp;
  /** Says nothing of what it prints before it can be used: its own start is not of interest. */
  readonly quiet?: boolean;
}): Promise<RunningProgram> {
  const { name, ready, quiet = false } = program;
  // A group of its own: Ctrl-C reaches it through us, once, and in order.
  const child = spawn(program.command, program.args, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...program.env },
  });
  const { pid } = child;
  // Also when this process ends before it: nobody else knows of it.
  process.once("exit", () => pid !== undefined && child.exitCode === null && signal(pid, "SIGKILL"));
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`${name} cannot be started: ${error.message}`));
    child.once("close", (code, by) => resolve(`${name} ended (${by ?? `exit code ${code}`})`));
  });
  const opened = new Promise<undefined>((resolve) => {
    let isReady = false;
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        const wasReady = isReady;
        isReady ||= ready.test(line);
        if (!quiet || wasReady) console.log(`${name}: ${line}`);
        if (isReady) resolve(undefined);
      });
    }
  });
  const fault = await Promise.race([opened, ended]);
  if (fault !== undefined) throw new CommandFailure(fault);
  return {
    crashed: ended,
    stop: async () => {
      if (pid === undefined) return;
      signal(pid, "SIGTERM");
      await Promise.race([ended, sleep(GRACE_MS)]);
      signal(pid, "SIGKILL");
      await ended;
    },
  };
}

/** Sends a signal to a program and all that it started; nothing when they are gone. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
