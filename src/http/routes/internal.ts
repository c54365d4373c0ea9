import * as z from "zod/mini";
import { type Answer, deliver } from "../../deliveries/deliver.ts";
import { noteArrival } from "../../doctor/probe.ts";
import { sweep } from "../../scheduling/sweep.ts";
import { outcome } from "../../services/receive-outcome.ts";
import { fromBase64 } from "../../shared/bytes.ts";
import { ApiError } from "../../shared/problems.ts";
import { field, opt } from "../../shared/schema/schema.ts";
import { id, text, typeName } from "../../shared/schema/schema-fields.ts";
import { traceOf } from "../../shared/trace/trace-context.ts";
import { run } from "../../tasks/run/run-attempt.ts";
import { type Route, route } from "../pipeline/route.ts";

/** A callback carries answer and request in base64: what the largest messages of QStash's plans may hold. */
const OUTCOME_LIMIT = 20 * 1024 * 1024;

const count = z.int().check(z.minimum(1));

/** The answers of every queue route: done (or stale, which is the same to the queue), or 503 with a time to retry. */
const declared = {
  tag: "Queue",
  access: "queue",
  method: "POST",
  answers: { 200: { description: "Done, or there is nothing to do." } },
  problems: ["not-yet", "malformed-message"],
} as const;

const runRoute = route({
  ...declared,
  path: "/internal/run",
  operation: "runTask",
  summary: "Run the attempt that a message names",
  description: "200 when the attempt is over, or is stale; 503 when it is under way or early.",
  body: z.strictObject({
    v: z.literal(1),
    project: id("prj"),
    task: id("task"),
    run: count,
    attempt: count,
    type: z.exactOptional(typeName()),
    keyed: z.exactOptional(z.literal(true)),
  }),
  async handle({ c, ctx, body, reply }) {
    return reply(done(await run(ctx, body, traceOf(c.req.header("traceparent")))), null);
  },
});

const deliverRoute = route({
  ...declared,
  path: "/internal/deliver",
  operation: "deliverEvent",
  summary: "Make the delivery attempt that a message names",
  description: "200 when the attempt is over, or is stale; 503 when it is under way or early.",
  body: z.strictObject({ v: z.literal(1), project: id("prj"), delivery: id("del"), attempt: count }),
  async handle({ c, ctx, body, reply }) {
    return reply(done(await deliver(ctx, body, traceOf(c.req.header("traceparent")))), null);
  },
});

const sweepRoute = route({
  ...declared,
  path: "/internal/sweep",
  operation: "sweep",
  summary: "Publish due entries again",
  description: "Publishes lost messages again, ends lapsed leases and deadlines. Safe to call at any time.",
  body: z.looseObject({}),
  optionalBody: true,
  async handle({ ctx, reply }) {
    await sweep(ctx);
    return reply(200, null);
  },
});

/** Numbers come quoted or not, and zero or empty values may be missing (docs: features/callbacks). */
const loose = z.pipe(
  z.optional(z.nullable(z.union([z.number(), z.string().check(z.regex(/^\d{1,15}$/))]))),
  z.transform((value: number | string | null | undefined) => Number(value ?? 0)),
);

const headerValues = z.record(z.string(), z.union([z.string(), z.array(z.string())]));

const ordinal = z.pipe(z.string().check(z.regex(/^[1-9]\d{0,8}$/)), z.transform(Number));

const outcomeRoute = route({
  ...declared,
  path: "/internal/outcome",
  operation: "receiveServiceOutcome",
  summary: "Take the outcome of a service's call",
  description:
    "The outcome of a call that the queue made for a task of the type `http.request`. 200 also when it is stale; 503 when the task moved meanwhile.",
  query: z.strictObject({
    project: field(id("prj"), "The project of the task."),
    task: field(id("task"), "The task."),
    run: field(ordinal, "Its run."),
    attempt: field(ordinal, "The attempt that the call was made for."),
    service: field(text(1, 32), "The service that was called."),
    poll: field(opt(ordinal), "Which poll was answered; absent for the call itself."),
  }),
  body: z.looseObject({
    status: loose,
    header: z.optional(z.nullable(headerValues)),
    body: z.optional(z.nullable(z.string())),
    retried: loose,
    maxRetries: loose,
    dlqId: z.optional(z.nullable(z.string())),
    sourceMessageId: text(1, 500),
    url: z.string(),
  }),
  maxBody: OUTCOME_LIMIT,
  async handle({ ctx, query, body, reply }) {
    const { status, url, sourceMessageId: message } = body;
    const bytes = fromBase64(body.body ?? "");
    if (!bytes) throw new ApiError("malformed-message", "body is not base64.");
    const isSuccess = status >= 200 && status <= 299;
    const taken = await outcome(ctx, query, {
      status,
      url,
      message,
      headers: flatHeaders(body.header ?? {}),
      body: bytes,
      isFinal: isSuccess || Boolean(body.dlqId) || body.retried >= body.maxRetries,
    });
    return reply(done(taken), null);
  },
});

function flatHeaders(headers: Readonly<Record<string, string | string[]>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value].flat().join(", ")]),
  );
}

const probeMessage = z.strictObject({ v: z.literal(1), nonce: text(1, 200) });

const probeRoute = route({
  ...declared,
  path: "/internal/probe",
  operation: "receiveProbe",
  summary: "Take a probe that the doctor has sent",
  description: "Notes that it has arrived; the doctor reads that note.",
  body: probeMessage,
  problems: ["malformed-message"],
  async handle({ ctx, body, reply }) {
    await noteArrival(ctx, body.nonce, { valid: true });
    return reply(200, null);
  },
  async refused(deps, body, refusal) {
    const message = probeMessage.safeParse(readJson(body));
    if (message.success) await noteArrival(deps, message.data.nonce, refusal);
  },
});

/** Undefined for text that is not JSON. */
function readJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** @throws ApiError `not-yet` */
function done(answer: Answer): 200 {
  if (answer.status === 200) return 200;
  throw new ApiError("not-yet", "The work is under way, or its time has not come.", {
    retryAfter: answer.retryAfter,
  });
}

export const queueRoutes: readonly Route[] = [runRoute, deliverRoute, outcomeRoute, sweepRoute, probeRoute];
