import { ApiError } from "../../shared/problems.ts";

/** Projects whose reads one process counts; of more, those that have not read for longest begin with a full second. */
const PROJECTS = 10_000;

/** What a page of a filtered list costs that visits more than these entries; any other read costs 1. */
export const LONG_WALK = 100;
export const LONG_WALK_COST = 20;

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** Counts a process's reads: a bucket of one second's reads per project, filled evenly. */
export interface ReadLimit {
  /**
   * Takes that many reads, or a whole second's when it is fewer.
   *
   * @throws ApiError `rate-limited` when there are not enough
   */
  take(project: string, cost: number): void;
  /** Gives back what was not needed. */
  giveBack(project: string, count: number): void;
}

export function createReadLimit(perSecond: number, clock: () => number): ReadLimit {
  const buckets = new Map<string, Bucket>();
  const left = (project: string, now: number): number => {
    const { tokens, at } = buckets.get(project) ?? { tokens: perSecond, at: now };
    return Math.min(perSecond, tokens + (Math.max(0, now - at) * perSecond) / 1_000);
  };
  /** The newest is the last; a map remembers the order in which it was filled. */
  const keep = (project: string, tokens: number, at: number): void => {
    buckets.delete(project);
    buckets.set(project, { tokens, at });
    const [oldest] = buckets.keys();
    if (buckets.size > PROJECTS && oldest !== undefined) buckets.delete(oldest);
  };
  return {
    take(project, cost) {
      const now = clock();
      const tokens = left(project, now);
      const needed = Math.min(cost, perSecond);
      if (tokens < needed) throw refusal(perSecond, tokens, needed);
      keep(project, tokens - needed, now);
    },
    giveBack(project, count) {
      const now = clock();
      keep(project, Math.min(perSecond, left(project, now) + count), now);
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
