import * as z from "zod/mini";
import { Delivery as DeliverySchema, DeliverySummary } from "../../src/deliveries/schema.ts";
import { SigningSecret } from "../../src/endpoints/schema.ts";
import { TaskEvent } from "../../src/events/schema.ts";
import { Problem as ProblemSchema } from "../../src/shared/schema/problem-schema.ts";
import { Task as TaskSchema, TimelineItem } from "../../src/tasks/schema.ts";

/**
 * The HTTP contract as a client sees it: the schemas of the resources, which the document shows and the handlers' types
 * follow. Extra fields are tolerated, wrong ones are not.
 */
function tolerant<Shape extends z.core.$ZodLooseShape, Config extends z.core.$ZodObjectConfig>(
  schema: z.ZodMiniLazy<z.ZodMiniObject<Shape, Config>>,
) {
  return z.catchall(schema.def.getter(), z.unknown());
}

export const task = tolerant(TaskSchema);
export type Task = z.infer<typeof task>;

export const problem = tolerant(ProblemSchema);
export type Problem = z.infer<typeof problem>;

export const delivery = tolerant(DeliverySummary);
export type Delivery = z.infer<typeof delivery>;

/** One delivery, read on its own. */
export const deliveryWithAttempts = tolerant(DeliverySchema);

export const timelineItem = tolerant(TimelineItem);

/** `{data, nextCursor}`, as every list is. */
export function page<Item extends z.ZodMiniType>(item: Item) {
  return z.object({ data: z.array(item), nextCursor: z.nullable(z.string()) });
}

/** The body of a callback. */
export const callbackEvent = tolerant(TaskEvent);

export const signingSecret = tolerant(SigningSecret);
