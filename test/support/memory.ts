import { readdir, readFile } from "node:fs/promises";

/** Memory of a process group, in bytes. */
export interface Memory {
  /** The bytes that it holds now. */
  readonly resident: number;
  /** The most that its processes have held since they began. */
  readonly peak: number;
}

/** Adds up what Linux says of each process of a group. */
export async function memoryOf(group: number): Promise<Memory> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const statuses = await Promise.all(pids.map((pid) => statusOf(pid, group)));
  const sum = (name: string) =>
    statuses.reduce(
      (total, status) => total + 1024 * Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0),
      0,
    );
  const memory = { resident: sum("VmRSS"), peak: sum("VmHWM") };
  if (memory.resident === 0) throw new Error(`there is no process group ${group}`);
  return memory;
}

/** A process's status when it belongs to the group. */
async function statusOf(pid: string, group: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // After the name, which may hold anything: state, parent, group.
    const [, , processGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return processGroup === `${group}` ? await readFile(`/proc/${pid}/status`, "utf8") : "";
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH"))
      return "";
    throw error;
  }
}
