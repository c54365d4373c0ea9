import * as z from "zod/mini";
import {
  ENDPOINT_LIMITS,
  FORMATS,
  headerFault,
  isEventPattern,
  SIGNATURES,
} from "../../endpoints/endpoint.ts";
import { duration, instant, text } from "../../shared/schema-fields.ts";
import { parseSchedule } from "../../shared/time/retry-schedule.ts";

const { delay, attempts, schedule } = ENDPOINT_LIMITS;

const pattern = text(1, 64).check(z.refine(isEventPattern, "must be an event, task.* or *"));

const header = z.string().check(z.maxLength(ENDPOINT_LIMITS.headerValue));

/** Delays between attempts: a list of durations, or one text with commas as the deployment's setting has it. */
const retrySchedule = z
  .union([
    z.array(duration(0, delay)),
    z.pipe(
      z
        .string()
        .check(
          z.refine((value) => parseSchedule(value) !== undefined, "must be durations such as 5s,30s,2m"),
        ),
      z.transform((value: string) => parseSchedule(value) ?? []),
    ),
  ])
  .check(
    z.refine(
      (delays: readonly number[]) => delays.length <= attempts,
      `must have at most ${attempts} delays`,
    ),
    z.refine(
      (delays: readonly number[]) => delays.reduce((sum, one) => sum + one, 0) <= schedule,
      "must not last longer than 30d",
    ),
  );

const fields = {
  events: z.exactOptional(z.array(pattern).check(z.minLength(1), z.maxLength(20))),
  description: z.exactOptional(z.nullable(text(0, ENDPOINT_LIMITS.description))),
  headers: z.exactOptional(
    z.nullable(
      z.record(text(1, ENDPOINT_LIMITS.headerName), z.nullable(header)).check((context) => {
        for (const [name, value] of Object.entries(context.value)) {
          const message = headerFault(name, value ?? "-");
          if (message) context.issues.push({ code: "custom", input: value, path: [name], message });
        }
      }),
    ),
  ),
  metadata: z.exactOptional(
    z.nullable(
      z
        .record(text(1, 64), z.nullable(text(0, 512)))
        .check(z.refine((pairs) => Object.keys(pairs).length <= 20, "must have at most 20 members")),
    ),
  ),
  retrySchedule: z.exactOptional(z.nullable(retrySchedule)),
  rateLimit: z.exactOptional(z.nullable(z.int().check(z.minimum(1), z.maximum(ENDPOINT_LIMITS.rate)))),
  format: z.exactOptional(z.enum(FORMATS)),
  signatures: z.exactOptional(z.array(z.enum(SIGNATURES)).check(z.minLength(1), z.maxLength(2))),
  disabled: z.exactOptional(z.boolean()),
  reason: z.exactOptional(text(1, 200)),
};

const url = text(1, ENDPOINT_LIMITS.url);

/** The body of `POST /v1/endpoints`; durations become milliseconds. */
export const endpointRequest = z.strictObject({ url, ...fields });

/** The body of `PATCH /v1/endpoints/{id}`, a JSON Merge Patch (RFC 7396). */
export const endpointPatch = z.strictObject({ url: z.exactOptional(url), ...fields });

export const rotateRequest = z.strictObject({
  overlap: z._default(duration(0, ENDPOINT_LIMITS.overlap), 86_400_000),
});

export const verifyRequest = z.strictObject({
  verification: z._default(z.enum(["challenge", "cloudevents"]), "challenge"),
});

export const recoverRequest = z.strictObject({
  since: instant(),
  until: z.exactOptional(instant()),
  dryRun: z._default(z.boolean(), false),
  pace: z.exactOptional(z.int().check(z.minimum(1), z.maximum(100))),
  cursor: z.exactOptional(text(1, 1_000)),
});

export const signaturesRequest = z.strictObject({
  signatures: z.array(z.enum(SIGNATURES)).check(z.minLength(1), z.maxLength(2)),
});
