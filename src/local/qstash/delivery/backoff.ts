import { parseGoDuration } from "../duration.ts";
import type { HeaderMap } from "../headers.ts";
import { evaluateRetryDelay } from "./expression.ts";
import { LONGEST_BACKOFF } from "./plan.ts";

/** The response headers by which a destination may name the time of the next attempt (docs: features/retry). */
const STEERING_HEADERS = [
  "Retry-After",
  "X-Ratelimit-Reset",
  "X-Ratelimit-Reset-Requests",
  "X-Ratelimit-Reset-Tokens",
];

/** QStash's own delay in milliseconds before the nth retry, n from 1: min(1 day, e^(2.5 n) s). */
function defaultBackoff(n: number): number {
  return Math.min(LONGEST_BACKOFF, Math.floor(Math.exp(2.5 * n)) * 1_000);
}

/** Milliseconds that a header such as `Retry-After` asks for: seconds, an HTTP date or a duration. */
function steeredDelay(value: string, now: number): number | undefined {
  const text = value.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  const duration = parseGoDuration(text);
  if (duration !== undefined) return duration;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * Milliseconds until the next attempt: what the destination asked for when that is at most a day, else the
 * publisher's expression, else {@link defaultBackoff}.
 *
 * @param retried how often the message has been retried before this retry.
 */
export function retryDelay(
  retried: number,
  expression: string | undefined,
  response: HeaderMap | undefined,
  now: number,
): number {
  for (const name of STEERING_HEADERS) {
    const value = response?.[name]?.[0];
    const steered = value === undefined ? undefined : steeredDelay(value, now);
    if (steered !== undefined && steered <= LONGEST_BACKOFF) return steered;
  }
  if (expression === undefined) return defaultBackoff(retried + 1);
  const delay = evaluateRetryDelay(expression, retried);
  if (!Number.isFinite(delay)) return LONGEST_BACKOFF;
  return Math.min(LONGEST_BACKOFF, Math.max(0, delay));
}
