import * as z from "zod/mini";
import {
  ENDPOINT_LIMITS,
  FORMATS,
  headerFault,
  isEventPattern,
  SIGNATURES,
} from "../../endpoints/endpoint.ts";
import { component, field, opt } from "../../shared/schema/schema.ts";
import { duration, instant, text } from "../../shared/schema/schema-fields.ts";
import { parseSchedule } from "../../shared/time/retry-schedule.ts";

const { delay, attempts, schedule } = ENDPOINT_LIMITS;

const pattern = () => text(1, 64).check(z.refine(isEventPattern, "must be an event, task.* or *"));

const header = z.string().check(z.maxLength(ENDPOINT_LIMITS.headerValue));

/** Delays between attempts: a list of durations, or one text with commas as the deployment's setting has it. */
const retrySchedule = () =>
  z
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

const fields = () => ({
  events: field(
    opt(z.array(pattern()).check(z.minLength(1), z.maxLength(20))),
    "Names of events, `task.*`, or `*`; the ends of tasks unless given.",
  ),
  description: field(opt(z.nullable(text(0, ENDPOINT_LIMITS.description))), "Its purpose."),
  headers: field(
    opt(
      z.nullable(
        z.record(text(1, ENDPOINT_LIMITS.headerName), z.nullable(header)).check((context) => {
          for (const [name, value] of Object.entries(context.value)) {
            const message = headerFault(name, value ?? "-");
            if (message) context.issues.push({ code: "custom", input: value, path: [name], message });
          }
        }),
      ),
    ),
    "Sent along with every event, at most 20. Not those of a connection, `Host`, `webhook-*`, `content-*` or `upstash-*`. Values of names that sound secret (`authorization`, `x-api-key`) are kept encrypted and never shown again.",
  ),
  metadata: field(
    opt(
      z.nullable(
        z
          .record(text(1, 64), z.nullable(text(0, 512)))
          .check(z.refine((pairs) => Object.keys(pairs).length <= 20, "must have at most 20 members")),
      ),
    ),
    "Up to 20 pairs for the client's own use.",
  ),
  retrySchedule: field(
    opt(z.nullable(retrySchedule())),
    "Delays between attempts, at most 20 and 30 days in all: a list of durations, or `5s,30s,2m`. The deployment's unless given.",
  ),
  rateLimit: field(
    opt(z.nullable(z.int().check(z.minimum(1), z.maximum(ENDPOINT_LIMITS.rate)))),
    "Deliveries per second at most; the queue keeps it, on first attempts too.",
  ),
  format: field(
    opt(z.enum(FORMATS)),
    "`full`: the whole task with its result; `thin`: ids, status and links; `cloudevents`: the whole as a CloudEvent.",
  ),
  signatures: field(
    opt(z.array(z.enum(SIGNATURES)).check(z.minLength(1), z.maxLength(2))),
    "`v1`: HMAC-SHA256 with the endpoint's secret; `v1a`: Ed25519 with the project's key pair.",
  ),
  disabled: field(
    opt(z.boolean()),
    "Whether it receives nothing; events meanwhile are kept as dead letters.",
  ),
  reason: field(opt(text(1, 200)), "Why it is disabled."),
});

const url = field(
  text(1, ENDPOINT_LIMITS.url),
  "Where events go. The address is checked, and the addresses of its name; https unless the deployment says otherwise.",
);

/** The body of `POST /v1/endpoints`; durations become milliseconds. */
export const EndpointRequest = component("EndpointRequest", () => z.strictObject({ url, ...fields() }), {
  description: "A new endpoint.",
  example: {
    url: "https://shop.example.com/hooks",
    events: ["task.*"],
    headers: { "x-shop": "4711", authorization: "Bearer s3cret" },
    metadata: { team: "orders" },
  },
});

/** The body of `PATCH /v1/endpoints/{id}`, a JSON Merge Patch (RFC 7396). */
export const EndpointPatch = component(
  "EndpointPatch",
  () => z.strictObject({ url: opt(url), ...fields() }),
  {
    description: "The changes of an endpoint (JSON Merge Patch, RFC 7396).",
    example: { disabled: true, reason: "maintenance until Monday" },
  },
);

export const RotateRequest = component(
  "RotateRequest",
  () =>
    z.strictObject({
      overlap: field(
        z._default(duration(0, ENDPOINT_LIMITS.overlap), 86_400_000),
        "How long the old secret still signs, `0s` to `7d`.",
      ),
    }),
  { description: "The options of a rotation.", example: { overlap: "24h" } },
);

export const VerifyRequest = component(
  "VerifyRequest",
  () =>
    z.strictObject({
      verification: field(
        z._default(z.enum(["challenge", "cloudevents"]), "challenge"),
        "How the receiver proves that it wants events.",
      ),
    }),
  { description: "The options of a verification.", example: { verification: "challenge" } },
);

export const RecoverRequest = component(
  "RecoverRequest",
  () =>
    z.strictObject({
      since: field(
        instant(),
        "Dead letters from this time on, 90 days back at most; those that are still kept.",
      ),
      until: field(opt(instant()), "And until then; now unless given."),
      dryRun: field(
        z._default(z.boolean(), false),
        "Report the deliveries that would be sent, and send nothing.",
      ),
      pace: field(opt(z.int().check(z.minimum(1), z.maximum(100))), "Deliveries per second, 1 to 100."),
      cursor: field(opt(text(1, 1_000)), "The `nextCursor` of the previous page."),
    }),
  {
    description: "The dead letters to send again.",
    example: { since: "2026-11-24T00:00:00.000Z", dryRun: true },
  },
);

export const SignaturesRequest = component(
  "SignaturesRequest",
  () =>
    z.strictObject({
      signatures: field(
        z.array(z.enum(SIGNATURES)).check(z.minLength(1), z.maxLength(2)),
        "`v1`: HMAC-SHA256 with the secret; `v1a`: Ed25519 with the project's key pair.",
      ),
    }),
  { description: "How callbacks are signed.", example: { signatures: ["v1", "v1a"] } },
);
