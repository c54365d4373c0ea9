import * as z from "zod/mini";
import { component, count, field, type Infer, opt, pageOf, time, typeId } from "../shared/schema/schema.ts";

/** The status of a delivery. */
export const deliveryStatus = field(
  z.enum(["pending", "delivered", "dead"]),
  "`dead`: every attempt of the schedule failed; it can be sent again.",
);

/** Why an attempt to deliver failed. */
export const attemptError = z.object({
  code: field(z.string(), "Stable and kebab-case, see the reference of errors.", "http-5xx"),
  message: field(z.string(), "One sentence for people.", "The receiver answered 503."),
});

export const Attempt = component(
  "Attempt",
  () =>
    z.object({
      at: field(time, "When it was made."),
      durationMs: field(count, "How long it took, in milliseconds."),
      url: field(opt(z.string()), "Where it went; absent when nothing was sent."),
      statusCode: field(opt(z.int()), "The status code of the receiver's answer."),
      error: field(opt(attemptError), "Why it counts as failed."),
      response: field(opt(z.string()), "The first 4 KiB of the receiver's answer."),
    }),
  {
    description: "One attempt to deliver.",
    example: { at: "2026-11-24T09:00:00.490Z", durationMs: 70, statusCode: 200, response: "ok" },
  },
);

export const deliveryFields = () => ({
  id: field(typeId("del"), "The delivery's id.", "del_01kawv0m1ne0p86qyrcy9ba2z4"),
  taskId: field(opt(typeId("task")), "The task whose event it delivers; absent where the event has no task."),
  batchId: field(opt(typeId("batch")), "The batch whose `batch.completed` it delivers, in place of a task."),
  eventId: field(
    typeId("evt"),
    "The event's id, which receivers see as `webhook-id`: the same on every attempt.",
  ),
  eventType: field(z.string(), "The event.", "task.succeeded"),
  url: field(z.string(), "The address of its last attempt; before the first one, its planned address."),
  endpointId: field(opt(typeId("ep")), "The registered endpoint, when it goes to one."),
  status: deliveryStatus,
  createdAt: field(time, "When the event happened."),
  nextAttemptAt: field(opt(time), "While it is pending: when the next attempt is due."),
  reason: field(
    opt(
      z.object({
        code: field(z.enum(["circuit-open", "endpoint-unverified"]), "A stable code."),
        message: field(z.string(), "For people."),
        since: field(time, "Since when it waits."),
      }),
    ),
    "Why it waits although its time has come; such waiting does not count as an attempt.",
  ),
  endedAt: field(opt(time), "When it was delivered or given up."),
  attemptCount: field(count, "Attempts begun so far, over all times that it was sent.", 1),
  lastError: field(opt(attemptError), "Why the last attempt failed."),
});

export const deliveryExample = {
  id: "del_01kawv0m1ne0p86qyrcy9ba2z4",
  taskId: "task_01kawv0m1ne0nvxf9dkb2jc5h0",
  eventId: "evt_01kawv0m1ne0qtrn9tkp0h7k2v",
  eventType: "task.succeeded",
  url: "https://shop.example.com/hooks",
  status: "delivered",
  createdAt: "2026-11-24T09:00:00.480Z",
  endedAt: "2026-11-24T09:00:00.560Z",
  attemptCount: 1,
} as const;

export const DeliverySummary = component(
  "DeliverySummary",
  () =>
    z.object({
      ...deliveryFields(),
      project: field(opt(typeId("prj")), "In a list over all projects: the project's id."),
    }),
  {
    description: "A delivery in a list.",
    example: deliveryExample,
  },
);
export type DeliverySummary = Infer<typeof DeliverySummary>;

export const Delivery = component(
  "Delivery",
  () => z.object({ ...deliveryFields(), attempts: field(z.array(Attempt), "Every attempt, oldest first.") }),
  {
    description: "One event for one receiver.",
    example: {
      ...deliveryExample,
      attempts: [{ at: "2026-11-24T09:00:00.490Z", durationMs: 70, statusCode: 200, response: "ok" }],
    },
  },
);
export type Delivery = Infer<typeof Delivery>;

export const DeliveryPage = pageOf("DeliveryPage", DeliverySummary, "deliveries");
