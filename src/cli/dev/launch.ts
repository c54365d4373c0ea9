import { spawn } from "node:child_process";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/** The program that runs a gateway. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Removes the files that were written for it. */
  cleanUp?(): Promise<void>;
}

export interface Launched {
  /** Resolves when it has ended, with its exit code or signal. */
  readonly ended: Promise<number | string>;
  stop(): Promise<void>;
}

/** How long it may take to end by itself. */
const GRACE_MS = 3_000;

/** @param quiet keeps its output away from the standard output */
export function launch({ command, args, env, cleanUp }: Program, quiet: boolean): Launched {
  const child = spawn(command, args, {
    stdio: ["ignore", quiet ? 2 : "inherit", "inherit"],
    env: { ...process.env, ...env },
  });
  process.once("exit", () => child.kill("SIGKILL"));
  const ended = new Promise<number | string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? code ?? 0));
  });
  return {
    ended,
    async stop() {
      child.kill("SIGTERM");
      await Promise.race([ended, sleep(GRACE_MS, undefined, { ref: false })]);
      child.kill("SIGKILL");
      await cleanUp?.();
    },
  };
}
