import * as z from "zod/mini";
import { TASK_EVENTS } from "../../endpoints/endpoint.ts";
import {
  MAX_BATCH,
  MAX_DEADLINE,
  MAX_DELAY,
  MAX_RESULT_TTL,
  MAX_RETRIES,
  MAX_TIMEOUT,
} from "../../shared/limits.ts";
import { duration, instant, json, text } from "../../shared/schema-fields.ts";

/** Pairs, and the characters of a name and of a value. */
const METADATA = { pairs: 20, name: 64, value: 512 };

const fields = {
  type: text(1, 128),
  input: json(),
  callbackUrl: z.exactOptional(text(0, 2_048)),
  callbackEvents: z.exactOptional(
    z.array(z.enum(TASK_EVENTS)).check(z.minLength(1), z.maxLength(TASK_EVENTS.length)),
  ),
  delay: z.exactOptional(duration(0, MAX_DELAY)),
  notBefore: z.exactOptional(instant()),
  deadline: z.exactOptional(duration(1, MAX_DEADLINE)),
  timeout: z.exactOptional(duration(1, MAX_TIMEOUT)),
  heartbeatTimeout: z.exactOptional(duration(1, MAX_DEADLINE)),
  retries: z.exactOptional(z.int().check(z.minimum(0), z.maximum(MAX_RETRIES))),
  concurrencyKey: z.exactOptional(text(1, 255)),
  resultTtl: z.exactOptional(duration(1, MAX_RESULT_TTL)),
  metadata: z.exactOptional(
    z
      .record(text(1, METADATA.name), text(0, METADATA.value))
      .check(
        z.refine(
          (pairs) => Object.keys(pairs).length <= METADATA.pairs,
          `must have at most ${METADATA.pairs} members`,
        ),
      ),
  ),
};

interface Excluding {
  readonly delay?: number;
  readonly notBefore?: number;
  readonly callbackUrl?: string;
  readonly callbackEvents?: readonly string[];
}

/** What fields say of one another. */
const together = [
  z.refine<Excluding>((task) => task.delay === undefined || task.notBefore === undefined, {
    path: ["notBefore"],
    error: "excludes delay",
  }),
  z.refine<Excluding>((task) => task.callbackEvents === undefined || task.callbackUrl !== undefined, {
    path: ["callbackEvents"],
    error: "needs a callbackUrl",
  }),
];

/** The body of `POST /v1/tasks`; durations become milliseconds. */
export const taskRequest = z.strictObject(fields).check(...together);

/** An item of a batch: a task, and the Idempotency-Key that a single submit has in its header. */
export const batchItem = z
  .strictObject({
    ...fields,
    idempotencyKey: z.exactOptional(text(0, 600)),
  })
  .check(...together);

/** The body of `POST /v1/tasks/batch`; each item is judged on its own ({@link batchItem}). */
export const batchRequest = z.strictObject({
  tasks: z.array(z.unknown()).check(z.minLength(1), z.maxLength(MAX_BATCH)),
});
