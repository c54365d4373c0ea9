import { parseDuration } from "./duration.ts";
import { RETRY_AFTER_LIMIT } from "./retry-after.ts";

/** How much of a delay is random, either way: ±20 %, so that what failed together does not return together. */
export const JITTER = 0.2;

/** Delays between the attempts of one delivery: nine attempts over about 39 hours. */
export const DELIVERY_SCHEDULE = "5s,30s,2m,15m,1h,4h,10h,24h";

/**
 * How long to wait before a handler's next attempt: min(1 h, 2 s · 4ⁿ⁻¹) ± 20 %.
 *
 * @param attempt the attempt that failed, from 1
 * @param random in [0, 1)
 * @returns milliseconds
 */
export function handlerBackoff(attempt: number, random: number): number {
  return jittered(Math.min(3_600_000, 2_000 * 4 ** (attempt - 1)), random);
}

/**
 * How long to wait before a delivery's next attempt, or undefined when the schedule is used up.
 *
 * @param schedule delays in milliseconds, see {@link parseSchedule}
 * @param attempt the attempt that failed, from 1, counted since the delivery was made or sent again
 * @param random in [0, 1)
 * @param retryAfter milliseconds that the receiver asked for; honoured up to 24 h, never shortens the schedule
 */
export function deliveryBackoff(
  schedule: readonly number[],
  attempt: number,
  random: number,
  retryAfter?: number,
): number | undefined {
  const base = schedule[attempt - 1];
  if (base === undefined) return undefined;
  const planned = jittered(base, random);
  return retryAfter === undefined ? planned : Math.max(planned, Math.min(retryAfter, RETRY_AFTER_LIMIT));
}

/** Milliseconds of `5s,30s,2m`, or undefined when an item is no duration. */
export function parseSchedule(text: string): readonly number[] | undefined {
  if (text.trim() === "") return [];
  const delays: number[] = [];
  for (const item of text.split(",")) {
    const delay = parseDuration(item.trim());
    if (delay === undefined) return undefined;
    delays.push(delay);
  }
  return delays;
}

function jittered(delay: number, random: number): number {
  return Math.round(delay * (1 - JITTER + 2 * JITTER * random));
}
