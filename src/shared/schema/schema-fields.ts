import * as z from "zod/mini";
import { type IdPrefix, isId } from "../id.ts";
import { DEFAULT_PAGE, MAX_PAGE, TASK_TYPE_LENGTH } from "../limits.ts";
import { DURATION_PATTERN, parseDuration } from "../time/duration.ts";
import { parseTimestamp } from "../time/timestamp.ts";
import { field, opt } from "./schema.ts";

/** A text of `least` to `most` characters. */
export function text(least: number, most: number) {
  return z.string().check(z.minLength(least), z.maxLength(most));
}

/** The name of a task type. */
export function typeName() {
  return text(1, TASK_TYPE_LENGTH);
}

/**
 * A duration such as `15m`, as milliseconds.
 *
 * @param least milliseconds
 * @param most milliseconds
 */
export function duration(least: number, most: number) {
  const inRange = (value: string): boolean => {
    const length = parseDuration(value);
    return length !== undefined && length >= least && length <= most;
  };
  const error = `must be a duration such as 500ms, 10s, 15m, 24h or 7d, ${least > 0 ? "more than 0" : "0s"} to ${spell(most)}`;
  return z.pipe(
    z
      .string()
      .check(
        z.regex(DURATION_PATTERN, { error, abort: true }),
        z.refine(inRange, error),
        z.meta({ examples: ["15m"] }),
      ),
    z.transform((value: string) => parseDuration(value) ?? 0),
  );
}

function spell(length: number): string {
  const [unit, name] = length % 86_400_000 === 0 ? [86_400_000, "d"] : [60_000, "m"];
  return `${length / unit}${name}`;
}

/** An absolute time with its offset (RFC 3339), as milliseconds since the epoch. */
export function instant() {
  return z.pipe(
    z.stringFormat("datetime", (value) => parseTimestamp(value) !== undefined),
    z.transform((value: string) => parseTimestamp(value) ?? Number.NaN), // the check before it has seen that it parses
  );
}

/** Any JSON; it must be there, though it may be null. */
export function json() {
  return z.unknown().check(z.refine((value) => value !== undefined, "is required"));
}

export function id(prefix: IdPrefix) {
  return z
    .string()
    .check(z.refine((value) => isId(prefix, value), `must be an id that begins with ${prefix}_`));
}

const LIMIT = /^[1-9]\d{0,2}$/;

/** The parameters of every list. */
export const page = {
  limit: field(
    z._default(
      z.pipe(
        z.string().check(
          z.refine((value) => LIMIT.test(value) && Number(value) <= MAX_PAGE, `must be 1 to ${MAX_PAGE}`),
          // A number to those who read the document: in a query it is written as text.
          z.meta({ type: "integer", minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE }),
        ),
        z.transform(Number),
      ),
      DEFAULT_PAGE,
    ),
    "How many items a page has at most.",
  ),
  cursor: field(opt(text(1, 1_000)), "The `nextCursor` of the page before; opaque."),
};
