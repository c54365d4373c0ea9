import * as z from "zod/mini";
import { PROBLEMS } from "../../shared/problems.ts";
import { adminShapes } from "./admin-shapes.ts";
import { endpointShapes } from "./endpoint-shapes.ts";
import { eventShapes } from "./event-shapes.ts";
import { as, count, id, opt, pageOf, positive, time } from "./shape.ts";
import { links, status, taskFields } from "./task-fields.ts";

/**
 * The shapes of answers and callbacks. Routes name them; nothing but the OpenAPI document and the tests load them,
 * so they weigh nothing in what is deployed.
 */

const deliveryStatus = as(
  z.enum(["pending", "delivered", "dead"]),
  "`dead`: every attempt of the schedule failed; it can be sent again.",
);
const attemptError = z.object({
  code: as(z.string(), "Stable and kebab-case, see the reference of errors.", "http-5xx"),
  message: as(z.string(), "One sentence for people.", "The receiver answered 503."),
});

const Task = as(
  z.object({
    ...taskFields,
    callback: opt(
      as(
        z.object({
          url: as(z.string(), "The `callbackUrl`."),
          status: deliveryStatus,
          attempts: as(count, "Attempts made."),
          deliveryId: as(opt(id("del")), "The delivery of this run's end, once there is one."),
          nextAttemptAt: as(opt(time), "When the next attempt is due."),
          lastError: as(opt(attemptError), "Why the last attempt failed."),
        }),
        "How the callback of this run's end fares.",
      ),
    ),
    links: as(z.object(links), "Absolute addresses."),
  }),
  "A task. Readers must tolerate fields and statuses that they do not know.",
);

const deliveryFields = {
  id: as(id("del"), "The delivery's id.", "del_01kawv0m1ne0p86qyrcy9ba2z4"),
  taskId: as(opt(id("task")), "The task whose event it delivers; absent where the event is of no task."),
  eventId: as(id("evt"), "The event's id, which receivers see as `webhook-id`: the same on every attempt."),
  eventType: as(z.string(), "The event.", "task.succeeded"),
  url: as(z.string(), "Where its last attempt went; before the first one, where it is to go."),
  endpointId: as(opt(id("ep")), "The registered endpoint, when it goes to one."),
  status: deliveryStatus,
  createdAt: as(time, "When the event happened."),
  nextAttemptAt: as(opt(time), "While it is pending: when the next attempt is due."),
  reason: as(
    opt(
      z.object({
        code: as(z.enum(["circuit-open", "endpoint-unverified"]), "A stable code."),
        message: as(z.string(), "For people."),
        since: as(time, "Since when it waits."),
      }),
    ),
    "Why it waits although its time has come; such waiting uses up no attempt.",
  ),
  endedAt: as(opt(time), "When it was delivered or given up."),
};

const Attempt = as(
  z.object({
    at: as(time, "When it was made."),
    durationMs: as(count, "How long it took, in milliseconds."),
    url: as(opt(z.string()), "Where it went; absent when nothing was sent."),
    statusCode: as(opt(z.int()), "What the receiver answered."),
    error: as(opt(attemptError), "Why it counts as failed."),
    response: as(opt(z.string()), "The first 4 KiB of the receiver's answer."),
  }),
  "One attempt to deliver.",
);

const DeliverySummary = as(z.object(deliveryFields), "A delivery in a list.");
const Delivery = as(
  z.object({ ...deliveryFields, attempts: as(z.array(Attempt), "Every attempt, oldest first.") }),
  "An event on its way to one receiver.",
);

const TimelineItem = as(
  z.object({
    sequence: as(count, "The task's `sequence` from then on."),
    at: as(time, "When it happened."),
    run: as(positive, "In which run."),
    type: as(z.string(), "What happened.", "task.started"),
    actor: as(z.enum(["client", "worker", "sweep", "service"]), "Who moved the task."),
    cause: as(opt(z.string()), "Why, where that is not plain."),
  }),
  "One change of a task's state.",
);

const ValidationError = as(
  z.object({
    pointer: as(z.string(), "Where: a JSON pointer as URI fragment (RFC 6901, section 6).", "#/input/csv"),
    detail: as(z.string(), "What is wrong there.", "is required"),
  }),
  "One fault in a request.",
);

const Problem = as(
  z.object({
    type: as(z.url(), "The problem's page for people; stable."),
    title: as(z.string(), "The problem in a few words; the same each time."),
    status: as(z.int(), "The HTTP status."),
    detail: as(z.string(), "What happened this time."),
    code: as(
      z.string(),
      `Stable: ${Object.keys(PROBLEMS)
        .map((code) => `\`${code}\``)
        .join(", ")}. New ones may come.`,
    ),
    instance: as(z.url(), "The address that was called."),
    requestId: as(z.string(), "The same as `X-Request-Id`; finds the request in the gateway's log."),
    errors: as(
      opt(z.array(ValidationError)),
      "For `invalid-request` and unsafe URLs: each fault, at most 50.",
    ),
  }),
  "Problem details (RFC 9457). Every error is one, as `application/problem+json`.",
);

const reach = as(z.enum(["ok", "unreachable"]), "Whether it answered within the last 5 seconds.");

const BatchAnswer = as(
  z.object({
    data: as(
      z.array(
        z.object({
          status: as(z.int(), "What a request for this item alone would have been answered.", 202),
          task: opt(Task),
          replayed: as(
            opt(z.literal(true)),
            "Its idempotency key named this task, which was accepted before.",
          ),
          problem: opt(Problem),
        }),
      ),
      "One outcome per item, in order: a task or a problem.",
    ),
  }),
  "What became of each item of a batch.",
);

export const shapes = {
  Task,
  BatchAnswer,
  TaskPage: pageOf(Task, "tasks, newest first"),
  Result: as(z.unknown(), "The bare result: whatever JSON the handler returned."),
  TimelineItem,
  TimelinePage: pageOf(TimelineItem, "a timeline, oldest first"),
  EventsToken: as(
    z.object({
      token: as(z.string(), "The token.", "rbe_…"),
      url: as(z.url(), "The live timeline with the token, for an `EventSource`."),
      expiresAt: as(time, "Until when a stream can be opened with it."),
    }),
    "A token that opens one task's timeline, and nothing else.",
  ),
  Delivery,
  DeliverySummary,
  DeliveryPage: pageOf(DeliverySummary, "deliveries"),
  Recovery: as(
    z.object({
      dryRun: as(z.boolean(), "Whether nothing was sent."),
      count: as(count, "Dead letters in that time, from the cursor on."),
      recovered: as(count, "Of these, how many are on their way again."),
      remaining: as(count, "How many are left; another call goes on with them."),
      pace: as(z.number(), "Deliveries per second."),
      deliveries: as(z.array(DeliverySummary), "The first 100, oldest first."),
      nextCursor: as(z.nullable(z.string()), "Give it as `cursor` to go on; null after the last."),
    }),
    "What was recovered, or would be.",
  ),
  DeadEvent: as(
    z.object({
      type: as(z.literal("delivery.dead"), "What it is."),
      timestamp: as(time, "When it was given up."),
      data: as(
        z.object({
          project: as(id("prj"), "The project's id."),
          deliveryId: deliveryFields.id,
          taskId: deliveryFields.taskId,
          endpointId: deliveryFields.endpointId,
          eventId: deliveryFields.eventId,
          eventType: deliveryFields.eventType,
          url: deliveryFields.url,
          attempts: as(count, "Attempts made."),
          error: as(opt(attemptError), "Why the last one failed."),
        }),
        "About the delivery.",
      ),
    }),
    "A delivery was given up.",
  ),
  Attempt,
  Heartbeat: as(
    z.object({
      cancelRequested: as(
        z.boolean(),
        "Whether to stop. A cancel takes hold at once: then the answer is 410, and this is among the problem's members.",
      ),
      deadlineAt: as(time, "When the task expires, whatever is reported."),
    }),
    "The work may go on.",
  ),
  ReportResult: as(
    z.object({
      status: as(status, "Where the task stands now."),
      done: as(z.boolean(), "Whether it has ended; not when a failed attempt is followed by another."),
    }),
    "It was heard, now or before.",
  ),
  Completion: as(
    z.object({
      accepted: as(
        z.boolean(),
        "Whether this body became the result; false: nothing was changed, whatever the reason.",
      ),
    }),
    "A genuine address.",
  ),
  ...eventShapes,
  ...endpointShapes,
  TestAttempt: as(
    z.object({
      eventId: as(id("evt"), "The test event's id."),
      delivered: as(z.boolean(), "Whether the receiver took it."),
      attempt: Attempt,
    }),
    "How a test event fared.",
  ),
  ...adminShapes,
  Health: as(
    z.object({
      status: as(z.literal("ok"), "It is alive."),
      version: as(z.string(), "The gateway's version."),
    }),
    "Alive.",
  ),
  Readiness: as(
    z.object({
      redis: reach,
      qstash: reach,
      sweep: as(
        z.object({
          lastAt: z.exactOptional(as(time, "When the last one was done; absent before the first.")),
        }),
        "The sweep, which makes up for lost messages.",
      ),
    }),
    "What the gateway stands on.",
  ),
  OpenApi: as(z.record(z.string(), z.unknown()), "An OpenAPI 3.1 document."),
  ValidationError,
  Problem,
} as const;

export type ShapeName = keyof typeof shapes;
