import * as z from "zod";

/** The shapes of the HTTP contract as a client sees them: extra fields are tolerated, wrong ones are not. */

const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const id = (prefix: string): z.ZodString => z.string().regex(new RegExp(`^${prefix}_[0-7][0-9a-z]{25}$`));

export const status = z.enum([
  "scheduled",
  "queued",
  "running",
  "waiting",
  "succeeded",
  "failed",
  "canceled",
  "expired",
]);

export const task = z.looseObject({
  id: id("task"),
  type: z.string(),
  status,
  done: z.boolean(),
  run: z.int().positive(),
  sequence: z.int().nonnegative(),
  attempt: z.int().nonnegative(),
  maxAttempts: z.int().positive(),
  createdAt: time,
  notBefore: time.optional(),
  startedAt: time.optional(),
  endedAt: time.optional(),
  deadlineAt: time,
  resultExpiresAt: time.optional(),
  progress: z
    .looseObject({ percent: z.number().optional(), message: z.string().optional(), at: time })
    .optional(),
  metadata: z.record(z.string(), z.string()),
  input: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z
    .object({
      code: z.string(),
      message: z.string(),
      retryable: z.boolean(),
      lastFailure: z.object({ code: z.string(), message: z.string(), attempt: z.number() }).optional(),
    })
    .optional(),
  callback: z
    .looseObject({
      url: z.url(),
      status: z.enum(["pending", "delivered", "dead"]),
      attempts: z.int().nonnegative(),
      deliveryId: id("del").optional(),
      nextAttemptAt: time.optional(),
    })
    .optional(),
  links: z.looseObject({ self: z.url(), result: z.url(), events: z.url() }),
});
export type Task = z.infer<typeof task>;

export const problem = z.looseObject({
  type: z.url(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  instance: z.string(),
  requestId: z.string(),
  errors: z.array(z.object({ pointer: z.string().startsWith("#"), detail: z.string() })).optional(),
});
export type Problem = z.infer<typeof problem>;

export const attempt = z.looseObject({
  at: time,
  durationMs: z.number().nonnegative(),
  statusCode: z.int().optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  response: z.string().optional(),
});

export const delivery = z.looseObject({
  id: id("del"),
  taskId: id("task"),
  eventId: id("evt"),
  eventType: z.string(),
  url: z.url(),
  status: z.enum(["pending", "delivered", "dead"]),
  nextAttemptAt: time.optional(),
  reason: z.object({ code: z.string(), message: z.string(), since: time }).optional(),
});
export type Delivery = z.infer<typeof delivery>;

/** One delivery, read on its own. */
export const deliveryWithAttempts = delivery.extend({ attempts: z.array(attempt) });

export const timelineItem = z.looseObject({
  sequence: z.int().nonnegative(),
  at: time,
  run: z.int().positive(),
  type: z.string(),
  actor: z.string(),
  cause: z.string().optional(),
});

/** `{data, nextCursor}`, as every list is. */
export function page<Item extends z.ZodType>(
  item: Item,
): z.ZodObject<{ data: z.ZodArray<Item>; nextCursor: z.ZodOptional<z.ZodNullable<z.ZodString>> }> {
  return z.object({ data: z.array(item), nextCursor: z.string().nullish() });
}

/** The body of a callback. */
export const callbackEvent = z.looseObject({
  type: z.string(),
  timestamp: time,
  data: task.extend({ project: z.string() }),
});

export const signingSecret = z.looseObject({
  secret: z.string().startsWith("whsec_"),
  previous: z.array(z.looseObject({ secret: z.string(), expiresAt: time })),
});
