import { readdir, readFile, readlink } from "node:fs/promises";
import type { Redis } from "ioredis";
import type { Watched } from "./deployment.ts";

/** The permitted growth from the middle third of a run to its last one: a share, and an allowance for small figures. */
interface Tolerance {
  readonly share: number;
  readonly least: number;
}

/** One figure over the run, in the order in which it was looked at. */
export interface Series {
  readonly name: string;
  readonly unit: string;
  readonly values: number[];
  /** Absent where the figure goes up and down by design, or nobody promises that it is flat. */
  readonly tolerance?: Tolerance;
}

const MEBIBYTE = 2 ** 20;
const MEMORY: Tolerance = { share: 0.1, least: 16 };
/**
 * Connections are kept for a while after each burst, so they swing; one leaked by a task in two hundred would still
 * show in half an hour.
 */
const SOCKETS: Tolerance = { share: 0.5, least: 64 };
const KEYS: Tolerance = { share: 0.1, least: 100 };
const REDIS_MEMORY: Tolerance = { share: 0.1, least: 2 };
const DEPTH: Tolerance = { share: 0.25, least: 25 };

/** The sampled figures: each process's memory and sockets, what Redis holds, and how far the system is behind. */
export class Samples {
  readonly #series = new Map<string, Series>();
  readonly #processes: readonly Watched[];
  readonly #redis: Redis;
  readonly #backlog: () => number;
  /** Seconds since the first sample, of each. */
  readonly times: number[] = [];
  #begin: number | undefined;

  constructor(processes: readonly Watched[], redis: Redis, backlog: () => number) {
    this.#processes = processes;
    this.#redis = redis;
    this.#backlog = backlog;
  }

  get series(): readonly Series[] {
    return [...this.#series.values()];
  }

  async take(): Promise<void> {
    this.#begin ??= performance.now();
    this.times.push((performance.now() - this.#begin) / 1_000);
    for (const { name, pid } of this.#processes) {
      this.#add(`${name}: memory`, "MiB", await residentOf(pid), MEMORY);
      this.#add(`${name}: sockets`, "", await socketsOf(pid), SOCKETS);
    }
    const [memory, persistence] = [await this.#redis.info("memory"), await this.#redis.info("persistence")];
    this.#add("Redis: keys", "", await this.#redis.dbsize(), KEYS);
    this.#add("Redis: memory used", "MiB", figure(memory, "used_memory") / MEBIBYTE, REDIS_MEMORY);
    this.#add("Redis: due set", "", await this.#redis.zcard("rb1:000:due"), DEPTH);
    this.#add("Redis: log of commands", "MiB", figure(persistence, "aof_current_size") / MEBIBYTE);
    this.#add("tasks behind", "", this.#backlog(), DEPTH);
  }

  #add(name: string, unit: string, value: number, tolerance?: Tolerance): void {
    const series = this.#series.get(name);
    if (series) series.values.push(value);
    else this.#series.set(name, { name, unit, values: [value], ...(tolerance && { tolerance }) });
  }
}

async function residentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1_024;
}

async function socketsOf(pid: number): Promise<number> {
  const folder = `/proc/${pid}/fd`;
  const targets = await Promise.all(
    (await readdir(folder)).map((descriptor) =>
      readlink(`${folder}/${descriptor}`).catch(() => "closed meanwhile"),
    ),
  );
  return targets.filter((target) => target.startsWith("socket:")).length;
}

/** A field of Redis's INFO. */
export function figure(info: string, field: string): number {
  return Number(new RegExp(`^${field}:(\\d+)`, "m").exec(info)?.[1] ?? Number.NaN);
}
