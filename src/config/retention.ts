import * as z from "zod/mini";
import { MAX_RETENTION } from "../shared/limits.ts";
import { parseDuration } from "../shared/time/duration.ts";
import { DEFAULT_RETENTION } from "../tasks/retention.ts";
import { TERMINAL } from "../tasks/status.ts";

const LEAST = 60_000;
const BOUNDS = "must be 1m to 90d";

const isWithin = (time: number) => time >= LEAST && time <= MAX_RETENTION;

/** A time for which something is kept. */
export const retentionTime = z
  .pipe(
    z
      .string()
      .check(z.refine((value) => parseDuration(value) !== undefined, "must be a duration such as 7d")),
    z.transform((value: string) => parseDuration(value) ?? 0),
  )
  .check(z.refine(isWithin, BOUNDS));

const { succeeded, failed, canceled, expired } = DEFAULT_RETENTION.task;

/** `RINGBACK_TASK_RETENTION`: one duration, or JSON with a duration per terminal status; the others keep their default. */
export const taskRetention = z.pipe(
  z.pipe(
    z.string().check(
      z.refine((value) => perOutcome(value) !== undefined, {
        error: 'must be a duration such as 7d, or JSON such as {"succeeded":"3d","failed":"14d"}',
        abort: true,
      }),
      z.refine((value) => isWithin(parseDuration(value) ?? LEAST), BOUNDS),
    ),
    z.transform((value: string) => perOutcome(value)),
  ),
  z.strictObject({
    succeeded: z._default(retentionTime, succeeded),
    failed: z._default(retentionTime, failed),
    canceled: z._default(retentionTime, canceled),
    expired: z._default(retentionTime, expired),
  }),
);

function perOutcome(text: string): object | undefined {
  if (parseDuration(text) !== undefined) return Object.fromEntries(TERMINAL.map((status) => [status, text]));
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined; // the caller says what it should be
  }
}
