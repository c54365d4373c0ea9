import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { eventually } from "../support/client.ts";
import { freePort, type Running, start } from "../support/process.ts";

// What a process manager does: it knows the pid of npm, and nothing else.

const READY = /^ready \{/m;
const COMMANDS = [
  { args: ["start"], env: { RUNTIME: "workerd" }, ready: READY, runs: /workerd/ },
  { args: ["start"], env: { RUNTIME: "deno" }, ready: READY, runs: /deno/ },
  { args: ["run", "dev"], env: {}, ready: /Ready on http/, runs: /workerd/ },
  { args: ["run", "local:redis"], env: {}, ready: READY, runs: /src\/local\/redis/ },
  { args: ["run", "local:qstash"], env: {}, ready: READY, runs: /src\/local\/qstash/ },
] as const;

const started: Running[] = [];
afterAll(async () => {
  for (const running of started) await running.kill();
});

async function startNpm(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  ready: RegExp,
): Promise<Running> {
  const { running } = await start({
    command: "npm",
    args,
    env: { ...env, PORT: `${await freePort()}` },
    ready,
    timeoutMs: 90_000,
  });
  started.push(running);
  return running;
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly command: string;
}

/** All processes that run; one that has ended and waits for its parent to notice does not. */
async function processes(): Promise<Process[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid=,pgid=,stat=,args="]);
  return stdout.split("\n").flatMap((line) => {
    const [, pid, parent, group, state, command] = /^ *(\d+) +(\d+) +(\d+) +(\S+) +(.*)$/.exec(line) ?? [];
    if (command === undefined || state?.startsWith("Z")) return [];
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), command }];
  });
}

/** The process, and everything that it started or that these started. */
async function family(pid: number): Promise<Process[]> {
  const all = await processes();
  const found = all.filter((one) => one.pid === pid);
  for (const { pid: parent } of found) found.push(...all.filter((one) => one.parent === parent));
  return found;
}

/** Waits until none of these runs, and nothing of their process group. */
async function untilGone(group: number, members: readonly Process[]): Promise<void> {
  await eventually(
    async () => {
      const left = (await processes()).filter(
        (one) =>
          one.group === group ||
          members.some(({ pid, command }) => pid === one.pid && command === one.command),
      );
      expect(left).toEqual([]);
    },
    { timeoutMs: 15_000, everyMs: 200 },
  );
}

describe.each(COMMANDS)("npm $args, $env", ({ args, env, ready, runs }) => {
  test.each(["SIGTERM", "SIGINT", "SIGKILL"] as const)(
    "ends with everything that it started when npm alone gets %s",
    { timeout: 120_000 },
    async (signal) => {
      const { pid } = await startNpm(args, env, ready);
      const members = await family(pid);
      expect(members.length).toBeGreaterThanOrEqual(3); // npm, bootstrap, the command
      expect(members.map(({ command }) => command).join("\n")).toMatch(runs);
      process.kill(pid, signal);
      await untilGone(pid, members);
    },
  );
});

test.each(["workerd", "deno"])(
  "npm start on %s that is not ready yet ends with everything that it started",
  { timeout: 120_000 },
  async (runtime) => {
    const { pid } = await startNpm(["start"], { RUNTIME: runtime }, /^stand-ins:/m);
    const members = await family(pid);
    process.kill(pid, "SIGTERM");
    await untilGone(pid, members);
  },
);
