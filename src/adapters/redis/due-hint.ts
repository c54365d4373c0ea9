import type { Redis } from "@upstash/redis/cloudflare";
import { failureOf } from "./failure.ts";
import { choresKey, dueKey, SWEPT } from "./keys.ts";

/** After so many looks Redis is asked for the time again. */
const LOOKS = 30;

/** Of the sweeps in a row that find nothing, one in so many is noted: a note is as old as two intervals at most. */
const NOTED = 2;

/**
 * A sweep that finds nothing costs one plain read, and every second one a plain write. The read uses the edge's clock,
 * which may be wrong. The process asks for its offset at its first look, and from time to time afterwards.
 *
 * @param offset milliseconds added to Redis's clock: 0 outside tests
 */
export function createHint(redis: Redis, { offset, clock }: { offset: number; clock: () => number }) {
  let ahead = 0;
  let looks = 0;
  let unnoted = NOTED;
  const now = (): number => Math.floor(clock() + ahead + offset);
  return {
    /**
     * Partitions, of the first so many, that seem to have something due. Chores can wait: they are asked for as often as
     * the time is.
     *
     * @throws StoreUnavailable
     */
    async seemDue(partitions: number): Promise<readonly number[]> {
      const all = Array.from({ length: partitions }, (_, partition) => partition);
      const asks = looks++ % LOOKS === 0;
      const pipeline = redis.pipeline();
      for (const keyOf of asks ? [dueKey, choresKey] : [dueKey]) {
        for (const partition of all) {
          pipeline.zrange(keyOf(partition), "-inf", now(), { byScore: true, offset: 0, count: 1 });
        }
      }
      if (asks) pipeline.time();
      const replies = await available("due", pipeline.exec<unknown[]>());
      if (asks) {
        const [seconds, micros] = replies.at(-1) as [string, string]; // as TIME has it
        ahead = Number(seconds) * 1_000 + Number(micros) / 1_000 - clock();
      }
      const found = (index: number) => ((replies[index] ?? []) as readonly string[]).length > 0;
      const due = all.filter((partition) => found(partition) || (asks && found(partitions + partition)));
      unnoted = due.length > 0 ? NOTED : unnoted + 1;
      return due;
    },
    /** Notes that a sweep was made: the first one, each that found something, and some of the others. @throws StoreUnavailable */
    async swept(): Promise<void> {
      if (unnoted < NOTED) return;
      await available("swept", redis.set(SWEPT, now()));
      unnoted = 0;
    },
  };
}

async function available<T>(name: string, reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    throw failureOf(name, error);
  }
}
