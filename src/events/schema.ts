import * as z from "zod/mini";
import { attemptError, deliveryFields } from "../deliveries/schema.ts";
import { TASK_EVENTS } from "../endpoints/endpoint.ts";
import { component, count, field, type Infer, opt, time, typeId } from "../shared/schema/schema.ts";
import { batchData, batchDataExample } from "../tasks/batch/schema.ts";
import { resultExample, taskExample, taskFields, taskLinks } from "../tasks/schema.ts";

/* The bodies of events, as receivers get them. */

export const taskEventType = z.enum(TASK_EVENTS);
export type TaskEventType = Infer<typeof taskEventType>;

const PROJECT = "prj_01kawtzq4je0a8yqh3n5v6w7x8";
const ENDPOINT = "ep_01kawv0m1ne0p86qyrcy9ba2z4";
const AT = "2026-11-24T09:00:00.480Z";

const project = field(typeId("prj"), "The project's id.");

const fullData = () =>
  z.object({
    ...taskFields(),
    project,
    resultOmitted: field(
      opt(z.literal(true)),
      "The result is larger than 64 KiB: read it at `links.result`.",
    ),
    links: field(
      z.object({
        ...taskLinks(),
        result: field(z.url(), "Its bare result; with a token of its own when it was omitted."),
      }),
      "Absolute addresses.",
    ),
  });
export type FullTaskData = Infer<ReturnType<typeof fullData>>;

const thinData = () => {
  const { id, type, status, done, run, sequence } = taskFields();
  return z.object({
    id,
    type,
    status,
    done,
    run,
    sequence,
    project,
    links: field(z.object(taskLinks()), "Absolute addresses; an API key opens them."),
  });
};
export type ThinTaskData = Infer<ReturnType<typeof thinData>>;

/** The body of a task's event, full or thin, for receivers. */
export const taskEventData = field(
  z.lazy(() => {
    const full = fullData();
    return z.extend(z.partial(full), { ...thinData().shape, links: full.shape.links });
  }),
  "The body of a task's event. A thin event says no more than the fields that are always there; fetch the rest from `links.self`.",
);

const { callback: _callback, ...ended } = {
  ...taskExample,
  status: "succeeded" as const,
  done: true,
  sequence: 3,
  attempt: 1,
  startedAt: "2026-11-24T09:00:00.120Z",
  endedAt: AT,
  resultExpiresAt: "2026-12-01T09:00:00.480Z",
  result: resultExample,
  project: PROJECT,
};

export const TaskEvent = component(
  "TaskEvent",
  () =>
    z.object({
      type: field(taskEventType, "The event type."),
      timestamp: field(time, "When it happened; `webhook-timestamp` is when this attempt was made."),
      data: field(fullData(), "The task as it was at that moment, with its result once it has one."),
    }),
  {
    description: "The body of a callback: Standard Webhooks, frozen when the event happened.",
    example: { type: "task.succeeded", timestamp: AT, data: ended },
  },
);

export const ThinTaskEvent = component(
  "ThinTaskEvent",
  () =>
    z.object({
      type: field(taskEventType, "The event type."),
      timestamp: field(time, "When it happened."),
      data: field(thinData(), "The fields by which a receiver decides whether to fetch the task."),
    }),
  {
    description: "The body of an event to an endpoint with the format `thin`.",
    example: {
      type: "task.succeeded",
      timestamp: AT,
      data: {
        id: taskExample.id,
        type: "report.generate",
        status: "succeeded",
        done: true,
        run: 1,
        sequence: 3,
        project: PROJECT,
        links: taskExample.links,
      },
    },
  },
);

export const CloudEvent = component(
  "CloudEvent",
  () =>
    z.object({
      specversion: field(z.literal("1.0"), "CloudEvents 1.0."),
      id: field(typeId("evt"), "The event's id, the same as `webhook-id`."),
      source: field(z.url(), "The gateway."),
      type: field(z.string(), "The event type.", "task.succeeded"),
      subject: field(z.string(), "The task's or the endpoint's id."),
      time: field(time, "When it happened."),
      datacontenttype: field(z.literal("application/json"), "The media type of `data`."),
      data: field(z.record(z.string(), z.unknown()), "The same as `data` of the format `full`."),
    }),
  {
    description: "The body of an event to an endpoint with the format `cloudevents`: structured mode.",
    example: {
      specversion: "1.0",
      id: "evt_01kawv0m1ne0qtrn9tkp0h7k2v",
      source: "https://ringback.example.com",
      type: "task.succeeded",
      subject: taskExample.id,
      time: AT,
      datacontenttype: "application/json",
      data: ended,
    },
  },
);

/** The fields of an event that is not about a task. */
const eventFields = <Type extends string, Data extends z.ZodMiniType>(
  type: Type,
  when: string,
  data: Data,
  about: string,
) => ({
  type: field(z.literal(type), "The event type."),
  timestamp: field(time, when),
  data: field(data, about),
});

const aboutEndpoint = () => ({
  project,
  endpointId: field(typeId("ep"), "The endpoint that it is about."),
});

export const verificationData = z.lazy(() =>
  z.object({
    ...aboutEndpoint(),
    challenge: field(z.string(), "To be repeated in the answer."),
  }),
);
export type VerificationData = Infer<typeof verificationData>;

export const VerificationEvent = component(
  "VerificationEvent",
  () =>
    z.object(
      eventFields("endpoint.verification", "When it was made.", verificationData, "About the endpoint."),
    ),
  {
    description: "Asks a receiver whether it wants an endpoint's events.",
    example: {
      type: "endpoint.verification",
      timestamp: AT,
      data: { project: PROJECT, endpointId: ENDPOINT, challenge: "chl_7Hq2" },
    },
  },
);

export const testData = z.lazy(() =>
  z.object({ ...aboutEndpoint(), message: field(z.string(), "For people.") }),
);
export type TestData = Infer<typeof testData>;

export const TestEvent = component(
  "TestEvent",
  () => z.object(eventFields("endpoint.test", "When it was made.", testData, "About the endpoint.")),
  {
    description: "A test.",
    example: {
      type: "endpoint.test",
      timestamp: AT,
      data: { project: PROJECT, endpointId: ENDPOINT, message: "A test event." },
    },
  },
);

export const disabledData = z.lazy(() =>
  z.object({
    ...aboutEndpoint(),
    url: field(z.string(), "Its address."),
    reason: field(
      z.enum(["failing", "gone", "receiver"]),
      "Five days of nothing but failures; its receiver answered 410, or `webhook-delivery: disable`.",
    ),
    disabledAt: field(time, "Since when."),
  }),
);
export type DisabledData = Infer<typeof disabledData>;

export const EndpointDisabledEvent = component(
  "EndpointDisabledEvent",
  () => z.object(eventFields("endpoint.disabled", "When it was made.", disabledData, "About the endpoint.")),
  {
    description: "An endpoint of the project was disabled by the gateway.",
    example: {
      type: "endpoint.disabled",
      timestamp: AT,
      data: {
        project: PROJECT,
        endpointId: ENDPOINT,
        url: "https://shop.example.com/hooks",
        reason: "gone",
        disabledAt: AT,
      },
    },
  },
);

export const deadDeliveryData = z.lazy(() => {
  const { id, taskId, batchId, endpointId, eventId, eventType, url } = deliveryFields();
  return z.object({
    project,
    deliveryId: id,
    taskId,
    batchId,
    endpointId,
    eventId,
    eventType,
    url,
    attempts: field(count, "Attempts made."),
    error: field(opt(attemptError), "Why the last one failed."),
  });
});
export type DeadDeliveryData = Infer<typeof deadDeliveryData>;

export const BatchEvent = component(
  "BatchEvent",
  () => z.object(eventFields("batch.completed", "When its last task had ended.", batchData, "The batch.")),
  {
    description: "Every accepted task of a batch has ended once.",
    example: { type: "batch.completed", timestamp: AT, data: batchDataExample },
  },
);

export const DeadEvent = component(
  "DeadEvent",
  () =>
    z.object(eventFields("delivery.dead", "When it was given up.", deadDeliveryData, "About the delivery.")),
  {
    description: "A delivery was given up.",
    example: {
      type: "delivery.dead",
      timestamp: AT,
      data: {
        project: PROJECT,
        deliveryId: "del_01kawv0m1ne0p86qyrcy9ba2z4",
        taskId: taskExample.id,
        eventId: "evt_01kawv0m1ne0qtrn9tkp0h7k2v",
        eventType: "task.succeeded",
        url: "https://shop.example.com/hooks",
        attempts: 9,
        error: { code: "http-5xx", message: "The receiver answered 503." },
      },
    },
  },
);
