import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { root } from "../test/support/process.ts";

const estimate = z.object({ median: z.number(), low: z.number(), high: z.number() });

/** Microseconds of CPU per request or task, by process. */
const cpu = z.object({
  /** Of the contender's own processes. */
  own: z.number(),
  /** Of the Redis stand-in, which speaks Upstash's REST. */
  rest: z.number(),
  redis: z.number(),
  qstash: z.number(),
  /** Of the load, which also receives the callbacks. */
  load: z.number(),
});
export type Cpu = z.infer<typeof cpu>;

/** Medians over the rounds of one contender. */
const comparison = z.object({
  runtime: z.string(),
  contender: z.string(),
  cpu,
  perSecond: z.number(),
  p50: z.number(),
  p99: z.number(),
  /** The contender that the ratios divide by. */
  base: z.string().optional(),
  cpuRatio: estimate.optional(),
  p50Ratio: estimate.optional(),
  perSecondRatio: estimate.optional(),
});
export type Comparison = z.infer<typeof comparison>;

/** The cost of something at the services. */
const count = z.object({
  /** Requests to Redis. */
  requests: z.number(),
  /** Commands that Redis ran, those inside scripts included, as Upstash bills them. */
  commands: z.number(),
  /** Messages that QStash bills: each attempt to deliver one. */
  messages: z.number(),
  /** Messages that QStash was given. */
  publishes: z.number(),
});
export type Count = z.infer<typeof count>;

const counts = z.object({
  happy: count,
  /** A task that starts immediately. */
  immediate: count,
  retry: count,
  waitingInLine: count.extend({ minutes: z.number() }),
  idleDay: count,
  /** A minute of a silent live stream that its client opens again and again. */
  streamMinute: count.optional(),
  wait: count,
});
export type Counts = z.infer<typeof counts>;

/** A program's time from the spawn of its process to the first 202. */
const coldStart = z.object({
  runtime: z.string(),
  name: z.string(),
  /** Milliseconds, the median. */
  ms: z.number(),
  /** Over the trivial Worker. */
  ratio: estimate.optional(),
});
export type ColdStart = z.infer<typeof coldStart>;

const results = z.object({
  measuredOn: z.string(),
  machine: z.string(),
  plan: z.string(),
  accept: z.array(comparison),
  tasks: z.array(comparison),
  alone: z.array(comparison),
  peers: z.array(comparison),
  cold: z.array(coldStart),
  /** Peers that could not run here, and why. */
  missing: z.array(z.string()),
  counts,
});
export type Results = z.infer<typeof results>;

export const RESULTS: string = join(root, "bench/results.json");

/** The figures of the last `npm run bench`. */
export async function readResults(): Promise<Results> {
  return results.parse(JSON.parse(await readFile(RESULTS, "utf8")));
}
