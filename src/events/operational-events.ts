import type { LeasedAttempt } from "../deliveries/leased-attempt.ts";
import type { AttemptResult } from "../deliveries/send-webhook.ts";
import type { NewDelivery } from "../ports/commands/delivery.ts";
import { type ProjectConfig, parseConfig, rateOf, subscribersOf } from "../projects/project-config.ts";
import { makeId, partitionOf } from "../shared/id.ts";
import { initialDeadLetter } from "./fan-out.ts";
import type { DeadDeliveryData, DisabledData } from "./schema.ts";
import { type SerializeParts, write } from "./serialize-event.ts";

/** The parts that operational events use. */
export type OperationalParts = SerializeParts;

/** Something that happened to deliveries or endpoints themselves. */
type OperationalEvent = {
  /** The endpoint that the event is about: it does not receive its own event. */
  readonly about: string | undefined;
  /** Redis time. */
  readonly at: number;
  readonly taskId?: string;
} & (
  | { readonly type: "endpoint.disabled"; readonly data: Omit<DisabledData, "project"> }
  | { readonly type: "delivery.dead"; readonly data: Omit<DeadDeliveryData, "project"> }
);

/** The deliveries of an event about the project's own deliveries, to every other endpoint that subscribes. */
export function operationalEvents(
  deps: OperationalParts,
  project: string,
  config: ProjectConfig,
  { type, about, data, at, taskId = "" }: OperationalEvent,
): readonly NewDelivery[] {
  const eventId = freshId("evt", project, at);
  const message = { id: eventId, type, at, subject: about ?? taskId, data: { project, ...data } };
  return subscribersOf(config, type)
    .filter(({ id }) => id !== about)
    .map((endpoint): NewDelivery => {
      const rateLimit = rateOf(endpoint);
      return {
        id: freshId("del", project, at),
        taskId,
        eventId,
        eventType: type,
        url: endpoint.url,
        endpointId: endpoint.id,
        format: endpoint.format,
        body: write(deps, message, endpoint.format),
        ...(rateLimit !== undefined && { rateLimit }),
        ...initialDeadLetter(endpoint, at),
      };
    });
}

/** The event for a delivery whose last attempt this was. There is none for the delivery of such an event. */
export function deadLetterEvent(
  deps: OperationalParts,
  { project, delivery, attempt, config, webhook }: LeasedAttempt,
  { log }: AttemptResult,
  at: number,
): readonly NewDelivery[] {
  const { taskId, batchId, eventId, eventType, endpointId, url, once } = webhook;
  if (once || eventType === "delivery.dead") return [];
  return operationalEvents(deps, project, parseConfig(config), {
    type: "delivery.dead",
    about: endpointId,
    at,
    taskId,
    data: {
      deliveryId: delivery,
      ...(taskId !== "" && { taskId }),
      ...(batchId !== undefined && { batchId }),
      ...(endpointId !== undefined && { endpointId }),
      eventId,
      eventType,
      url,
      attempts: attempt,
      ...(log.error && { error: log.error }),
    },
  });
}

function freshId(kind: "evt" | "del", project: string, at: number): string {
  return makeId(kind, at, partitionOf(project), crypto.getRandomValues(new Uint8Array(8)));
}
