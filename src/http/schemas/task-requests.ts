import * as z from "zod/mini";
import { TASK_EVENTS } from "../../endpoints/endpoint.ts";
import {
  MAX_BATCH,
  MAX_DEADLINE,
  MAX_DELAY,
  MAX_RESULT_TTL,
  MAX_RETRIES,
  MAX_SEARCHABLE,
  MAX_TIMEOUT,
  PROGRESS_MESSAGE,
} from "../../shared/limits.ts";
import { component, field, opt } from "../../shared/schema/schema.ts";
import { duration, instant, json, text, typeName } from "../../shared/schema/schema-fields.ts";
import { STATUSES } from "../../tasks/status.ts";

/** Pairs, and the characters of a name and of a value. */
const METADATA = { pairs: 20, name: 64, value: 512 };

const metadata = () =>
  field(
    opt(
      z
        .record(text(1, METADATA.name), text(0, METADATA.value))
        .check(
          z.refine(
            (pairs) => Object.keys(pairs).length <= METADATA.pairs,
            `must have at most ${METADATA.pairs} members`,
          ),
        ),
    ),
    "Up to 20 pairs; names up to 64 characters, values up to 512. They come back in every answer and callback.",
  );

const fields = () => ({
  type: field(typeName(), "The task type: one that this deployment offers."),
  input: field(json(), "Any JSON that the task type accepts, `null` included."),
  callbackUrl: field(
    opt(text(0, 2_048)),
    "Called when the task has ended, once per event in `callbackEvents`. Checked before the task is accepted; https unless the deployment says otherwise.",
  ),
  callbackEvents: field(
    opt(z.array(z.enum(TASK_EVENTS)).check(z.minLength(1), z.maxLength(TASK_EVENTS.length))),
    "The events of the callback; every terminal event unless given. Needs `callbackUrl`.",
  ),
  delay: field(
    opt(duration(0, MAX_DELAY)),
    "Start no earlier than so long from now, at most `365d`. Excludes `notBefore`.",
  ),
  notBefore: field(
    opt(instant()),
    "Start no earlier than then, RFC 3339 with an offset, at most a year ahead. Excludes `delay`.",
  ),
  deadline: field(
    opt(duration(1, MAX_DEADLINE)),
    "From the moment at which the task may start, over all attempts: then it expires. At most `30d`; `24h` unless given.",
  ),
  timeout: field(
    opt(duration(1, MAX_TIMEOUT)),
    "For one attempt, at most `10m`; the task type's own unless given.",
  ),
  heartbeatTimeout: field(
    opt(duration(1, MAX_DEADLINE)),
    "How long a waiting task may be silent before its attempt counts as failed, at most `30d`.",
  ),
  retries: field(
    opt(z.int().check(z.minimum(0), z.maximum(MAX_RETRIES))),
    "Attempts after the first; the task type's own, else 3.",
  ),
  concurrencyKey: field(opt(text(1, 255)), "Tasks with the same key share a limit."),
  resultTtl: field(
    opt(duration(1, MAX_RESULT_TTL)),
    "How long result and input are kept after the end, at most `30d`; `7d` unless the deployment says otherwise.",
  ),
  metadata: metadata(),
});

interface Excluding {
  readonly delay?: number;
  readonly notBefore?: number;
  readonly callbackUrl?: string;
  readonly callbackEvents?: readonly string[];
}

/** The rules between fields. */
const together = () => [
  z.refine<Excluding>((task) => task.delay === undefined || task.notBefore === undefined, {
    path: ["notBefore"],
    error: "excludes delay",
  }),
  z.refine<Excluding>((task) => task.callbackEvents === undefined || task.callbackUrl !== undefined, {
    path: ["callbackEvents"],
    error: "needs a callbackUrl",
  }),
];

/**
 * The body of `POST /v1/tasks`; durations become milliseconds. The document of a gateway has it once per task type that
 * the gateway offers, with the type's own input.
 */
export const TaskRequest = component("TaskRequest", () => z.strictObject(fields()).check(...together()), {
  description: "A new task.",
  example: {
    type: "report.generate",
    input: {
      csv: "region,amount\nnorth,40\nnorth,2\nsouth,7",
      groupBy: "region",
      aggregate: { amount: "sum" },
    },
    callbackUrl: "https://shop.example.com/hooks",
    deadline: "15m",
    metadata: { orderId: "o-1" },
  },
});

const item = { type: "links.check", input: { urls: ["https://example.com"] }, idempotencyKey: "check-1" };

/** An item of a batch: a task, and the Idempotency-Key that a single submit has in its header. */
export const BatchItem = component(
  "BatchItem",
  () =>
    z
      .strictObject({
        ...fields(),
        idempotencyKey: field(opt(text(0, 600)), "The item's counterpart of the header `Idempotency-Key`."),
      })
      .check(...together()),
  { description: "A task of a batch.", example: item },
);

/** The body of `POST /v1/tasks/batch`; each item is checked on its own ({@link BatchItem}). */
export const BatchRequest = component(
  "BatchRequest",
  () =>
    z.strictObject({
      tasks: field(
        z
          .array(z.unknown().check(z.meta({ $ref: "#/components/schemas/BatchItem" })))
          .check(z.minLength(1), z.maxLength(MAX_BATCH)),
        "1 to 100 tasks; 4 MiB together, 1 MiB each, unless the deployment says otherwise.",
      ),
      callbackUrl: field(
        opt(text(0, 2_048)),
        "Called once, with `batch.completed`, when every accepted task has ended once. Tasks have a `callbackUrl` of their own.",
      ),
      metadata: metadata(),
    }),
  {
    description: "Tasks, each accepted or refused on its own.",
    example: { tasks: [item, { type: "links.check", input: {}, idempotencyKey: "check-2" }] },
  },
);

/** The body of `POST /v1/tasks/{id}/progress`. */
export const ProgressRequest = component(
  "ProgressRequest",
  () =>
    z.strictObject({
      percent: field(opt(z.number().check(z.minimum(0), z.maximum(100))), "How far the work is, 0 to 100."),
      message: field(
        opt(text(0, PROGRESS_MESSAGE)),
        "A message about the present work, at most 500 characters.",
      ),
    }),
  {
    description: "How far the work is.",
    example: { percent: 40, message: "Frame 400 of 1000" },
  },
);

/** The body of `POST /v1/tasks/{id}/complete`. */
export const CompleteRequest = component(
  "CompleteRequest",
  () =>
    z.strictObject({
      result: field(opt(json()), "Any JSON; absent: the task succeeds with no result."),
    }),
  { description: "The result of a task.", example: { result: { frames: 1000 } } },
);

/** The body of `POST /v1/tasks/{id}/fail`. */
export const FailRequest = component(
  "FailRequest",
  () =>
    z.strictObject({
      code: field(
        z
          .string()
          .check(
            z.maxLength(64),
            z.regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "must be lower-case words with hyphens between them"),
          ),
        "Stable and kebab-case: it becomes the task's `error.code`.",
      ),
      message: field(text(1, 2_000), "One sentence for people."),
      retryable: field(opt(z.boolean()), "Whether another attempt may help; true unless given."),
    }),
  {
    description: "Why an attempt failed.",
    example: { code: "out-of-memory", message: "The GPU ran out of memory.", retryable: true },
  },
);

/** Metadata that tasks are searched by. */
export const searchedMetadata = () =>
  z
    .record(z.string(), z.string())
    .check(z.refine((pairs) => Object.keys(pairs).length <= MAX_SEARCHABLE, "has too many keys"));

/** The body of `POST /v1/tasks/cancel` and `POST /v1/tasks/replay`. */
export const BulkFilter = component(
  "BulkFilter",
  () =>
    z.strictObject({
      status: field(opt(z.enum(STATUSES)), "Only tasks of this status."),
      type: field(opt(typeName()), "Only tasks of this type."),
      metadata: field(
        opt(searchedMetadata()),
        "Only tasks with this metadata, by keys that the project has named searchable.",
      ),
      createdAfter: field(opt(instant()), "Only tasks that were accepted later than then, RFC 3339."),
      createdBefore: field(opt(instant()), "Only tasks that were accepted earlier than then, RFC 3339."),
      all: field(opt(z.boolean()), "Every task of the project; needed where no filter is given."),
      dryRun: field(opt(z.boolean()), "Counts the tasks, and changes nothing."),
      cursor: field(opt(text(1, 1_000)), "The `nextCursor` of the page before; opaque."),
    }),
  {
    description: "The tasks that a bulk request is about.",
    example: { status: "failed", type: "report.generate", dryRun: true },
  },
);
