import { readdir, readFile } from "node:fs/promises";
import process from "node:process";

/** Microseconds in one tick of the times in /proc: USER_HZ is 100 on every Linux. */
const TICK = 10_000;

/** Places after the name in parentheses, see proc_pid_stat(5). */
const [GROUP, UTIME, CSTIME] = [2, 11, 14] as const;

/**
 * The CPU time that process groups have used until now, in microseconds, in the order of the groups: user and system
 * time of each process, and of the children that it has waited for, as the operating system accounts for them.
 */
export async function cpuOfGroups(groups: readonly number[]): Promise<readonly number[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const processes = await Promise.all(names.map(usedBy));
  return groups.map((group) =>
    processes.reduce((sum, one) => (one?.group === group ? sum + one.ticks * TICK : sum), 0),
  );
}

async function usedBy(pid: string): Promise<{ group: number; ticks: number } | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    const hasEnded =
      error instanceof Error && "code" in error && /^(?:ENOENT|ESRCH)$/.test(String(error.code));
    if (hasEnded) return undefined;
    throw error;
  }
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(UTIME, CSTIME + 1).reduce((sum, field) => sum + Number(field), 0);
  return { group: Number(fields[GROUP]), ticks };
}

/** The CPU time of this process, in microseconds. */
export function ownCpu(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
