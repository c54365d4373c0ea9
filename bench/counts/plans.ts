/*
 * Prices and limits in US dollars, read on 20 September 2026 (Redis: https://upstash.com/pricing/redis), 21 August 2026
 * (QStash: https://upstash.com/pricing/qstash) and 3 August 2026 (https://developers.cloudflare.com/workers/platform/pricing/).
 */

/** A plan of Upstash Redis. */
export interface RedisPlan {
  readonly name: string;
  /** Dollars a month. */
  readonly fixed: number;
  /** Dollars per command. */
  readonly perCommand: number;
  /** GB that fit. */
  readonly gigabytes: number;
  /** Dollars per GB and month above the first one. */
  readonly perGigabyte: number;
  readonly commandsPerSecond: number;
}

export const PAY_AS_YOU_GO = "pay as you go";

export const REDIS_PLANS: readonly RedisPlan[] = [
  {
    ...{ name: PAY_AS_YOU_GO, fixed: 0, perCommand: 0.2 / 100_000 },
    ...{ gigabytes: 100, perGigabyte: 0.25, commandsPerSecond: 10_000 },
  },
  ...(
    [
      [0.25, 10],
      [1, 20],
      [5, 100],
      [10, 200],
      [50, 400],
      [100, 800],
      [500, 1_500],
    ] as const
  ).map(([gigabytes, fixed]) => ({
    name: gigabytes < 1 ? "fixed 250 MB" : `fixed ${gigabytes} GB`,
    ...{ fixed, perCommand: 0, gigabytes, perGigabyte: 0 },
    commandsPerSecond: gigabytes < 100 ? 10_000 : 16_000,
  })),
];

/** A plan of QStash. */
export interface QueuePlan {
  readonly name: string;
  readonly fixed: number;
  /** Dollars per message. */
  readonly perMessage: number;
  readonly messagesPerDay: number;
  readonly callsInFlight: number;
}

export const QUEUE_PLANS: readonly QueuePlan[] = [
  {
    ...{ name: PAY_AS_YOU_GO, fixed: 0, perMessage: 1 / 100_000 },
    ...{ messagesPerDay: Number.POSITIVE_INFINITY, callsInFlight: 100 },
  },
  { name: "fixed 1M", fixed: 180, perMessage: 0, messagesPerDay: 1_000_000, callsInFlight: 200 },
  { name: "fixed 10M", fixed: 420, perMessage: 0, messagesPerDay: 10_000_000, callsInFlight: 1_000 },
];

/** Workers Paid. */
export const WORKERS = {
  fixed: 5,
  requests: { included: 10_000_000, each: 0.3 / 1_000_000 },
  cpuMilliseconds: { included: 30_000_000, each: 0.02 / 1_000_000 },
} as const;
