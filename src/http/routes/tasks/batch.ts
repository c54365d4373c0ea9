import type { Context } from "hono";
import * as z from "zod/mini";
import type { RequestContext } from "../../../ports/dependencies.ts";
import { type Idempotency, idempotencyOf } from "../../../shared/idempotency.ts";
import { utf8Length } from "../../../shared/json/byte-count.ts";
import { itemTexts } from "../../../shared/json/json-items.ts";
import { BATCH_BODIES } from "../../../shared/limits.ts";
import { ApiError, PROBLEMS } from "../../../shared/problems.ts";
import { Problem, problemExample } from "../../../shared/schema/problem-schema.ts";
import { component, field, opt } from "../../../shared/schema/schema.ts";
import { toValidationErrors } from "../../../shared/schema/validation-errors.ts";
import { IN_WORDS } from "../../../shared/schema/zod-messages.ts";
import type { Settings } from "../../../shared/settings.ts";
import { traceOf } from "../../../shared/trace/trace-context.ts";
import { getBatch } from "../../../tasks/batch/get-batch.ts";
import { Batch, batchId } from "../../../tasks/batch/schema.ts";
import { batchView } from "../../../tasks/batch/view.ts";
import { Task, taskExample } from "../../../tasks/schema.ts";
import type { Submit } from "../../../tasks/submit/prepare-task.ts";
import { acceptBatch } from "../../../tasks/submit/submit-batch.ts";
import type { Accepted } from "../../../tasks/submit/submit-task.ts";
import { faultIn } from "../../pipeline/body.ts";
import { idempotencyKey, rateHeaders, seconds } from "../../pipeline/headers.ts";
import { problemBody } from "../../pipeline/problem.ts";
import { type Env, type Route, route } from "../../pipeline/route.ts";
import { BatchItem, BatchRequest } from "../../schemas/task-requests.ts";
import { view } from "./task-answer.ts";

const BatchAnswer = component(
  "BatchAnswer",
  () =>
    z.object({
      data: field(
        z.array(
          z.object({
            status: field(z.int(), "The status that a request for this item alone would have got.", 202),
            task: opt(Task),
            replayed: field(
              opt(z.literal(true)),
              "Its idempotency key named this task, which was accepted before.",
            ),
            problem: opt(Problem),
          }),
        ),
        "One outcome per item, in order: a task or a problem.",
      ),
      batch: field(
        opt(z.object({ id: batchId })),
        "The batch as a whole, where `callbackUrl` or `metadata` was given for it.",
      ),
    }),
  {
    description: "The outcome of each item of a batch.",
    example: {
      data: [
        { status: 202, task: taskExample },
        {
          status: 422,
          problem: {
            ...problemExample("invalid-request", "The input does not fit the task type."),
            instance: "https://ringback.example.com/v1/tasks/batch",
            errors: [{ pointer: "#/tasks/1/input/urls", detail: "is required" }],
          },
        },
      ],
    },
  },
);

const submitMany = route({
  method: "POST",
  path: "/v1/tasks/batch",
  operation: "submitBatch",
  summary: "Submit up to 100 tasks",
  description:
    "Each item is checked, accepted or refused on its own, in order, as if it had been sent alone; `data` has the outcome of each. With `callbackUrl` or `metadata` for the batch, one `batch.completed` event follows when every accepted task has ended once. With an `Idempotency-Key` in the header, items without one of their own are safe to repeat, too. When no item is accepted the answer is a 422 whose `data` says why.",
  tag: "Tasks",
  access: "key",
  scope: "tasks:write",
  scopeCheckedBy: "script",
  headers: ["Idempotency-Key", "traceparent", "tracestate"],
  body: BatchRequest,
  bodies: BATCH_BODIES,
  bodyInParts: true,
  answers: {
    202: {
      description: "At least one item was accepted.",
      body: BatchAnswer,
      headers: ["Retry-After", "RateLimit", "RateLimit-Policy"],
    },
  },
  callbacks: "batch",
  problems: [
    "malformed-idempotency-key",
    "idempotency-key-reused",
    "unsafe-callback-url",
    "nothing-accepted",
  ],
  async handle({ c, ctx, caller, body, json, reply }) {
    const { settings } = ctx;
    const key = idempotencyKey(c.req.header("Idempotency-Key"));
    const trace = traceOf(c.req.header("traceparent"), c.req.header("tracestate"));
    const { tasks: _tasks, ...whole } = body;
    const asked = Object.keys(whole).length > 0 ? whole : undefined;
    const texts = itemTexts(new TextDecoder().decode(await c.req.arrayBuffer()), "tasks");
    const items = await Promise.all(
      body.tasks.map(async (json, index) => {
        const submit = readItem(texts[index] ?? "", json, settings.maxBody);
        if (submit instanceof ApiError) return submit;
        const idempotency =
          submit.idempotencyKey === undefined
            ? await keyOfItem(
                ctx,
                c,
                key,
                index,
                asked ? { ...asked, item: submit.canonical } : submit.canonical,
              )
            : undefined;
        return {
          ...submit,
          ...(idempotency && { idempotency }),
        };
      }),
    );
    const idempotency = asked && (await idempotencyOf(ctx.hashes, "POST", c.req.path, key, json));
    const wish = asked && { ...asked, ...(idempotency && { idempotency }) };
    const { outcomes, batch } = await acceptBatch(ctx, caller, items, trace, wish);
    const refused = outcomes.filter((outcome) => outcome instanceof ApiError);
    const data = outcomes.map((outcome, index) =>
      outcome instanceof ApiError
        ? refusedItem(c, within(outcome, index), settings)
        : { status: 202, task: view(ctx, outcome), ...(outcome.replayed && { replayed: true as const }) },
    );
    const headers = headersOf(outcomes);
    if (refused.length < outcomes.length)
      return reply(202, { data, ...(batch !== undefined && { batch: { id: batch } }) }, headers);
    for (const [name, value] of Object.entries(headers)) c.header(name, value);
    throw new ApiError("nothing-accepted", "Each item was refused for a reason of its own: see data.", {
      members: { data },
    });
  },
});

/**
 * An item as the client asks for it, or why it cannot be read.
 *
 * @param text the item as it was sent, to which a single task's limits apply
 */
function readItem(text: string, json: unknown, maxBody: number): Submit | ApiError {
  if (text.length > maxBody / 3 && utf8Length(text) > maxBody) {
    return new ApiError("payload-too-large", `A task may have at most ${maxBody} bytes.`);
  }
  const fault = faultIn(text, json);
  if (fault) return new ApiError("invalid-request", "The task is not acceptable.", { errors: [fault] });
  const checked = z.safeParse(BatchItem, json, IN_WORDS);
  if (!checked.success) {
    const errors = toValidationErrors(checked.error.issues);
    return new ApiError("invalid-request", "The task does not fit its schema.", { errors });
  }
  const { idempotencyKey: _key, ...canonical } = json as Readonly<Record<string, unknown>>; // the schema saw an object
  const { idempotencyKey: given, ...submit } = checked.data;
  try {
    const key = idempotencyKey(given);
    return { ...submit, canonical, ...(key !== undefined && { idempotencyKey: key }) };
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

/** The batch's own key stands for each item that has none: repeated, it makes none of them twice. */
function keyOfItem(
  { hashes }: RequestContext,
  c: Context<Env>,
  key: string | undefined,
  index: number,
  canonical: unknown,
): Promise<Idempotency | undefined> {
  const itemKey = key === undefined ? undefined : `${key} ${index}`;
  return idempotencyOf(hashes, "POST", c.req.path, itemKey, canonical);
}

/** The refusal with its pointers leading into the batch. */
function within(refusal: ApiError, index: number): ApiError {
  const { errors } = refusal.details;
  if (!errors) return refusal;
  const moved = errors.map(({ pointer, detail }) => ({
    pointer: pointer.replace("#", `#/tasks/${index}`),
    detail,
  }));
  return new ApiError(refusal.code, refusal.message, { ...refusal.details, errors: moved });
}

function refusedItem(c: Context<Env>, refusal: ApiError, settings: Settings) {
  return { status: PROBLEMS[refusal.code].status, problem: problemBody(c, refusal, settings) };
}

/** The rate after the last item, and when its refused items may be sent again. */
function headersOf(outcomes: readonly (Accepted | ApiError)[]) {
  const last = outcomes.findLast((outcome) => rateOf(outcome) !== undefined);
  const rate = last && rateOf(last);
  const waits = outcomes.flatMap((outcome) =>
    outcome instanceof ApiError && outcome.details.retryAfter !== undefined
      ? [outcome.details.retryAfter]
      : [],
  );
  const open = outcomes.find((outcome) => outcome instanceof ApiError && outcome.details.open !== undefined);
  return {
    ...(waits.length > 0 && { "Retry-After": seconds(Math.max(...waits)) }),
    ...(rate && rateHeaders(rate, open instanceof ApiError ? open.details.open : undefined)),
  };
}

function rateOf(outcome: Accepted | ApiError) {
  return outcome instanceof ApiError ? outcome.details.rate : outcome.rate;
}

const read = route({
  method: "GET",
  path: "/v1/batches/:id",
  operation: "getBatch",
  summary: "Read a batch with one callback",
  description:
    "How many of its tasks have ended, and how. Each task counts once, by its first end. A batch is kept for 30 days after its last task has ended.",
  tag: "Tasks",
  access: "key",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  params: { id: "batch" },
  answers: { 200: { description: "The batch.", body: Batch } },
  async handle({ ctx, caller, params, reply }) {
    return reply(200, batchView(await getBatch(ctx, caller, params.id), ctx.settings.publicUrl));
  },
});

export const batchRoutes: readonly Route[] = [submitMany, read];
