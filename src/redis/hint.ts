import type { Redis } from "@upstash/redis/cloudflare";
import { failureOf } from "./failure.ts";
import { dueKey, SWEPT } from "./keys.ts";

/** After so many looks Redis is asked for the time again. */
const LOOKS = 30;

/**
 * A sweep that finds nothing costs one plain read and one plain write. The read goes by the edge's clock, which may be
 * wrong: how far it is off is asked at a process's first look, and now and then afterwards.
 *
 * @param offset milliseconds added to Redis's clock: 0 outside tests
 */
export function createHint(redis: Redis, { offset, clock }: { offset: number; clock: () => number }) {
  let ahead = 0;
  let looks = 0;
  const now = (): number => Math.floor(clock() + ahead + offset);
  return {
    /** Partitions, of the first so many, that seem to have something due. @throws StoreUnavailable */
    async seemDue(partitions: number): Promise<readonly number[]> {
      const all = Array.from({ length: partitions }, (_, partition) => partition);
      const pipeline = redis.pipeline();
      for (const partition of all) {
        pipeline.zrange(dueKey(partition), "-inf", now(), { byScore: true, offset: 0, count: 1 });
      }
      const asks = looks++ % LOOKS === 0;
      if (asks) pipeline.time();
      const replies = await available("due", pipeline.exec<unknown[]>());
      if (asks) {
        const [seconds, micros] = replies[partitions] as [string, string]; // as TIME has it
        ahead = Number(seconds) * 1_000 + Number(micros) / 1_000 - clock();
      }
      return all.filter((partition) => (replies[partition] as readonly string[]).length > 0);
    },
    /** Notes that a sweep was made. @throws StoreUnavailable */
    async swept(): Promise<void> {
      await available("swept", redis.set(SWEPT, now()));
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
