import { ApiError } from "../../shared/problems.ts";

/**
 * Projects and API keys whose reads one process counts; beyond that, those without reads for the longest time begin
 * with a full second.
 */
const COUNTED = 20_000;

/** The cost of a page of a filtered list that visits more than these entries; any other read costs 1. */
export const LONG_WALK = 100;
export const LONG_WALK_COST = 20;

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** Counts a process's reads: a bucket of one second's reads per project, and per API key, filled evenly. */
export interface ReadLimit {
  /**
   * Takes that many reads, or a whole second's when it is fewer.
   *
   * @throws ApiError `rate-limited` when there are not enough
   */
  take(reader: string, cost: number): void;
  /** Gives back the unused rest. */
  giveBack(reader: string, count: number): void;
}

export function createReadLimit(perSecond: number, clock: () => number): ReadLimit {
  const buckets = new Map<string, Bucket>();
  const left = (reader: string, now: number): number => {
    const { tokens, at } = buckets.get(reader) ?? { tokens: perSecond, at: now };
    return Math.min(perSecond, tokens + (Math.max(0, now - at) * perSecond) / 1_000);
  };
  /** The newest is the last; a map remembers the order in which it was filled. */
  const keep = (reader: string, tokens: number, at: number): void => {
    buckets.delete(reader);
    buckets.set(reader, { tokens, at });
    const [oldest] = buckets.keys();
    if (buckets.size > COUNTED && oldest !== undefined) buckets.delete(oldest);
  };
  return {
    take(reader, cost) {
      const now = clock();
      const tokens = left(reader, now);
      const needed = Math.min(cost, perSecond);
      if (tokens < needed) throw refusal(perSecond, tokens, needed);
      keep(reader, tokens - needed, now);
    },
    giveBack(reader, count) {
      const now = clock();
      keep(reader, Math.min(perSecond, left(reader, now) + count), now);
    },
  };
}

function refusal(limit: number, tokens: number, needed: number): ApiError {
  const wait = ((needed - tokens) * 1_000) / limit;
  return new ApiError("rate-limited", `This project may make ${limit} reads per second.`, {
    retryAfter: wait,
    rate: { policy: "read", limit, remaining: tokens, reset: ((limit - tokens) * 1_000) / limit },
  });
}
