import { TASK_EVENTS } from "../../endpoints/endpoint.ts";
import {
  BatchEvent,
  CloudEvent,
  DeadEvent,
  EndpointDisabledEvent,
  TaskEvent,
  type TaskEventType,
  TestEvent,
  ThinTaskEvent,
  VerificationEvent,
} from "../../events/schema.ts";
import { contentOf, type Json } from "./schemas.ts";

/** The headers of every callback (Standard Webhooks). */
const parameters: readonly Json[] = [
  header(
    "webhook-id",
    "The event's id: the same on every attempt, so that a receiver recognizes a repetition.",
  ),
  header("webhook-timestamp", "When this attempt was made, in seconds since the epoch."),
  header(
    "webhook-signature",
    "`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`; several, separated by spaces, while a secret rotates.",
  ),
  {
    ...header("traceparent", "The trace that the task was submitted in, or the task's own."),
    required: false,
  },
  { ...header("tracestate", "The vendor part of the trace context."), required: false },
];

function header(name: string, description: string): Json {
  return { name, in: "header", required: true, description, schema: { type: "string" } };
}

const responses: Json = {
  "2XX": { description: "Received. Nothing is sent again." },
  "3XX": { description: "A failed attempt: redirects are not followed." },
  "410": { description: "A failed attempt, and the last: the receiver wants no more of these events." },
  "4XX": {
    description:
      "A failed attempt: it is repeated on the schedule; `Retry-After` is honoured up to 24 hours.",
  },
  "5XX": {
    description:
      "A failed attempt: it is repeated on the schedule; `Retry-After` is honoured up to 24 hours.",
  },
};

const MEANINGS: Readonly<Record<TaskEventType, string>> = {
  "task.succeeded": "The task succeeded.",
  "task.failed": "The task failed, and no attempt is left.",
  "task.canceled": "The task was canceled.",
  "task.expired": "The task's deadline passed.",
  "task.started": "An attempt began; only on request.",
  "task.waiting": "A handler handed its work on, and the task waits for its completion; only on request.",
  "task.progress":
    "The work goes on; only on request. At most one a second from a handler, and one for each report with a task token. Each is sent once: the next one overtakes it.",
};

const REPEATED =
  "Repeated after 5 s, 30 s, 2 m, 15 m, 1 h, 4 h, 10 h and 24 h until it is received, by an endpoint's own schedule where it has one; each attempt gets a new signature, the body never changes.";

function post(operationId: string, summary: string, content: Json, description: string = REPEATED): Json {
  return {
    operationId,
    summary,
    description,
    tags: ["Deliveries"],
    security: [],
    parameters,
    requestBody: { required: true, content },
    responses,
  };
}

/** A schema whose `type` is this event's; with the example where it is of this type. */
function of(type: string, component: Parameters<typeof contentOf>[0]): Json {
  const { schema, example } = contentOf(component);
  const fits = (example as { readonly type?: string }).type === type; // a body of an event
  return {
    allOf: [schema, { type: "object", properties: { type: { const: type } } }],
    ...(fits && { examples: [example] }),
  };
}

/** Events that go to the `callbackUrl` of a task, or of a batch. */
export function callbacks(about: "task" | "batch"): Json {
  if (about === "batch") {
    const content = { "application/json": contentOf(BatchEvent) };
    return {
      batchCompleted: {
        "{$request.body#/callbackUrl}": { post: post("receiveBatchCallback", "A batch's event", content) },
      },
    };
  }
  return {
    taskEvent: {
      "{$request.body#/callbackUrl}": {
        post: post("receiveTaskEvent", "A task's event", { "application/json": contentOf(TaskEvent) }),
      },
    },
  };
}

/** Every event, as `callbackUrl`s and endpoints receive it; endpoints choose its format. */
export function webhooks(): Json {
  return { ...Object.fromEntries(TASK_EVENTS.map(taskWebhook)), ...endpointWebhooks() };
}

function taskWebhook(type: TaskEventType): [string, Json] {
  const status = type.slice("task.".length);
  const name = `receiveTask${status.charAt(0).toUpperCase()}${status.slice(1)}`;
  const content = {
    "application/json": { schema: { anyOf: [of(type, TaskEvent), of(type, ThinTaskEvent)] } },
    "application/cloudevents+json": { schema: of(type, CloudEvent) },
  };
  return [type, { post: post(name, MEANINGS[type], content) }];
}

/** Events that are sent once, on request; and the events of deliveries and endpoints themselves. */
function endpointWebhooks(): Json {
  const about = (
    type: string,
    name: string,
    body: Parameters<typeof contentOf>[0],
    meaning: string,
    text?: string,
  ): Json => ({
    [type]: {
      post: post(name, meaning, { "application/json": { schema: of(type, body) } }, text),
    },
  });
  return {
    ...about(
      "endpoint.verification",
      "receiveEndpointVerification",
      VerificationEvent,
      "Does this endpoint want events?",
      'Sent once per call of `verifyEndpoint`. Answer 2xx with `{"challenge": …}` or the bare challenge.',
    ),
    ...about(
      "endpoint.test",
      "receiveEndpointTest",
      TestEvent,
      "A test that a client asked for.",
      "Sent once per call of `testEndpoint`.",
    ),
    ...about(
      "batch.completed",
      "receiveBatchCompleted",
      BatchEvent,
      "Every accepted task of a batch has ended once.",
    ),
    ...about(
      "endpoint.disabled",
      "receiveEndpointDisabled",
      EndpointDisabledEvent,
      "The gateway has disabled another endpoint of the project.",
    ),
    ...about(
      "delivery.dead",
      "receiveDeliveryDead",
      DeadEvent,
      "A delivery to another receiver was given up.",
    ),
  };
}
