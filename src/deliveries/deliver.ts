import { type DisableParts, disableEndpoint, hasFailedLong } from "../endpoints/disable-endpoint.ts";
import { deadLetterEvent, type OperationalParts } from "../events/operational-events.ts";
import type {
  BeginCommand,
  LeaseDeliveryAnswer,
  RecordCommand,
  Verdict,
} from "../ports/commands/delivery.ts";
import type { Dependencies } from "../ports/dependencies.ts";
import { Undecryptable } from "../ports/errors.ts";
import type { DeliverMessage } from "../ports/queue.ts";
import type { DeliveryReadStore, DeliveryStore } from "../ports/stores/delivery-store.ts";
import { findEndpoint, parseConfig, rateOf } from "../projects/project-config.ts";
import {
  type DeliveryFlow,
  deliverMessage,
  type FlowParts,
  firstAttemptMessages,
} from "../scheduling/flow-control.ts";
import { type PublishParts, publish, publishAll } from "../scheduling/publish.ts";
import { fault } from "../shared/fault-point.ts";
import { CRASHES, DELIVERY_LEASE_MARGIN } from "../shared/limits.ts";
import { originOf } from "../shared/origin.ts";
import { redisTime } from "../shared/time/redis-clock.ts";
import { deliveryBackoff } from "../shared/time/retry-schedule.ts";
import { traceFrom } from "../shared/trace/trace-context.ts";
import { type ActiveSpan, failSpan, inSpan } from "../shared/trace/tracing.ts";
import type { DeliveryRecord } from "../tasks/record.ts";
import { timestamp } from "../tasks/view.ts";
import { type Closed, type Destination, type DestinationParts, destinationOf } from "./destination.ts";
import type { LeasedAttempt } from "./leased-attempt.ts";
import { logAttempt } from "./log-attempt.ts";
import {
  type AttemptResult,
  attemptDelivery,
  type OutboundWebhook,
  type WebhookParts,
} from "./send-webhook.ts";

/** The parts that a delivery attempt uses. */
export type DeliverParts = DestinationParts &
  WebhookParts &
  DisableParts &
  OperationalParts &
  FlowParts &
  PublishParts &
  Pick<Dependencies, "clock" | "log" | "random" | "settings"> & {
    readonly store: DeliveryReadStore & DeliveryStore;
  };

/** The answer to QStash: done, stale, or try again after so many milliseconds. */
export type Answer = { readonly status: 200 } | { readonly status: 503; readonly retryAfter: number };

export const DONE: Answer = { status: 200 };

/**
 * The attempt that a deliver message asks for: leased, sent, recorded; compares state before it acts.
 *
 * @param cause the `traceparent` of the message
 */
export async function deliver(deps: DeliverParts, message: DeliverMessage, cause?: string): Promise<Answer> {
  const { project, delivery, attempt } = message;
  const lease = crypto.randomUUID();
  const length = deps.settings.callbackTimeout + DELIVERY_LEASE_MARGIN;
  const begun = await begin(deps, { project, delivery, attempt, lease, length });
  switch (begun.kind) {
    case "gone":
    case "closed":
    case "stale":
      logNotBegun(deps, message, begun.kind);
      return DONE;
    case "busy":
    case "early":
      logNotBegun(deps, message, begun.kind);
      return { status: 503, retryAfter: begun.retryAfter };
    case "held":
      logNotBegun(deps, message, begun.kind);
      await publish(deps, deliverMessage(deps, message, begun.delay, begun));
      return DONE;
    case "begun": {
      const { record } = begun;
      const body = await bodyOf(deps, record);
      await send(deps, {
        project,
        delivery,
        lease,
        attempt,
        base: record.base,
        crashes: record.crashes,
        webhook: { ...record, ...body },
        config: begun.config,
        now: begun.now,
        late: begun.now - record.nextAt,
        cause,
      });
      return DONE;
    }
  }
}

/** The frozen body; empty when it is no longer kept, or cannot be decrypted. */
async function bodyOf(
  { store }: DeliverParts,
  { project, eventId, format, body, undecryptable }: DeliveryRecord,
): Promise<Pick<OutboundWebhook, "body" | "undecryptable">> {
  if (undecryptable) return { body: "", undecryptable };
  try {
    return { body: body ?? (await store.readBody(project, eventId, format)) ?? "" };
  } catch (error) {
    if (error instanceof Undecryptable) return { body: "", undecryptable: true };
    throw error;
  }
}

/** The circuit of the current address decides, even if the endpoint has moved since the last attempt. */
async function begin(deps: DeliverParts, command: BeginCommand): Promise<LeaseDeliveryAnswer> {
  const begun = await deps.store.leaseDelivery(command);
  if (begun.kind !== "held" && begun.kind !== "begun") return begun;
  const { endpointId } = begun.kind === "begun" ? begun.record : begun;
  const endpoint = endpointId === undefined ? undefined : findEndpoint(parseConfig(begun.config), endpointId);
  const place = endpoint && originOf(endpoint.url);
  return place === undefined || place === begun.place
    ? begun
    : deps.store.leaseDelivery({ ...command, place });
}

function logNotBegun({ log }: DeliverParts, { project, delivery, attempt }: DeliverMessage, reason: string) {
  log("debug", "attempt-not-begun", { project, delivery, attempt, reason });
}

/** Sends a leased attempt and records it; the next one is published, or the delivery is dead. */
export async function send(deps: DeliverParts, leased: LeasedAttempt): Promise<void> {
  const { project, delivery, attempt, webhook, cause } = leased;
  const { taskId, eventId, eventType, trace } = webhook;
  const attributes = {
    "ringback.project": project,
    "ringback.delivery.id": delivery,
    ...(taskId !== "" && { "ringback.task.id": taskId }),
    "ringback.event.type": eventType,
    "ringback.attempt": attempt,
  };
  const parent = traceFrom({ id: taskId || eventId, trace });
  await inSpan(`deliver ${eventType}`, { kind: "client", parent, cause, attributes }, (own, span) =>
    sendTraced(deps, { ...leased, webhook: { ...webhook, ...(own !== undefined && { trace: own }) } }, span),
  );
}

async function sendTraced(deps: DeliverParts, leased: LeasedAttempt, span: ActiveSpan): Promise<void> {
  const { project, delivery, webhook } = leased;
  const time = redisTime(leased.now, deps.clock);
  const destination = await destinationOf(deps, project, leased.config, webhook, time());
  if (destination.kind === "closed" && destination.waits && (await putOff(deps, leased))) return;
  const attempted = givenUp(leased, time()) ?? (await attempt(deps, leased, destination, time));
  const endpoint = destination.kind === "closed" ? undefined : destination.endpoint;
  // Done before the attempt is recorded: after an interruption between the two, the next attempt finds the endpoint
  // disabled.
  if (endpoint && attempted.disable) await disableEndpoint(deps, project, endpoint, attempted.disable);
  const outcome = outcomeOf(deps, leased, destination, attempted);
  const operationalEvents =
    outcome.kind === "dead" ? await deadLetterEvent(deps, leased, attempted, time()) : [];
  const recorded = await deps.store.record({
    project,
    delivery,
    lease: leased.lease,
    attempt: leased.attempt,
    outcome,
    log: JSON.stringify(attempted.log),
    at: time(),
    ...(attempted.log.url !== undefined && { url: attempted.log.url }),
    verdict: verdictOf(attempted),
    ...(webhook.endpointId !== undefined && { endpointId: webhook.endpointId }),
    deliveries: operationalEvents,
    nonce: crypto.randomUUID(),
  });
  const { error, statusCode, url } = attempted.log;
  if (url !== undefined) span?.setAttribute("server.address", new URL(url).hostname);
  if (statusCode !== undefined) span?.setAttribute("http.response.status_code", statusCode);
  if (error) failSpan(span, error.code);
  logAttempt(deps.log, leased, attempted, recorded.kind === "recorded" ? outcome : { kind: recorded.kind });
  if (recorded.kind !== "recorded") return;
  if (endpoint && hasFailedLong(endpoint, recorded.failingSince, time())) {
    await disableEndpoint(deps, project, endpoint, "failing");
  }
  await publishAll(deps, firstAttemptMessages(deps, project, operationalEvents));
  if (outcome.kind !== "retry" || fault("gives-up-in-step")) return;
  const body = { v: 1, project, delivery, attempt: leased.attempt + 1 } as const;
  await publish(deps, deliverMessage(deps, body, outcome.delay, lineOf(webhook, destination)));
}

/**
 * A delivery whose endpoint has moved waits until its new address is verified; false when it has waited long enough.
 */
async function putOff(deps: DeliverParts, leased: LeasedAttempt): Promise<boolean> {
  const { project, delivery, lease, attempt, webhook } = leased;
  if (webhook.once) return false;
  const wait = await deps.store.putOff({ project, delivery, lease, attempt });
  if (wait === undefined) return false;
  await publish(deps, deliverMessage(deps, { v: 1, project, delivery, attempt }, wait, webhook));
  return true;
}

/** The attempt's evidence about its receiver: a refusal shows that it is alive, an unsent request shows nothing. */
function verdictOf({ log, tried }: AttemptResult): Verdict {
  if (!tried) return {};
  const { code } = log.error ?? {};
  if (code === "unsafe-address") return { failing: true };
  const down = code !== undefined && (log.statusCode === 429 || DOWN.has(code));
  return { circuit: down ? "failed" : "alive", failing: code !== undefined };
}

/** Failures that every delivery to the destination would share. */
const DOWN: ReadonlySet<string> = new Set([
  "connect-failed",
  "dns-failed",
  "http-5xx",
  "response-aborted",
  "timeout",
  "tls-failed",
]);

/** Sends it to its present destination. It fails for good when it may not be sent, or its body is no longer kept. */
async function attempt(
  deps: DeliverParts,
  leased: LeasedAttempt,
  destination: Destination | Closed,
  time: () => number,
) {
  if (destination.kind === "closed") {
    return undelivered({ code: destination.code, message: destination.message }, time());
  }
  if (leased.webhook.undecryptable) return undelivered(LOST, time());
  if (leased.webhook.body === "") return undelivered(EXPIRED, time());
  return attemptDelivery(deps, leased.webhook, destination, time);
}

const LOST = { code: "undecryptable", message: "No configured master secret decrypts the event's body." };
const EXPIRED = { code: "body-expired", message: "The body of the event is no longer kept." };

function undelivered(error: { readonly code: string; readonly message: string }, now: number): AttemptResult {
  return { log: { at: timestamp(now), durationMs: 0, error }, delivered: false, final: true };
}

/** How late an event may be sent that the next one overtakes, in milliseconds. */
const ONCE_LATENESS = 10_000;

/**
 * An attempt that stopped its sender again and again is given up, so that the next one can begin. An event with only
 * one attempt is also given up after an interruption or when it is late.
 */
function givenUp({ crashes, webhook, late = 0 }: LeasedAttempt, now: number): AttemptResult | undefined {
  if (webhook.once && late > ONCE_LATENESS) {
    return aborted("It was not sent in time; a newer event has overtaken it.", now);
  }
  if (crashes <= (webhook.once ? 0 : CRASHES)) return undefined;
  return aborted("The gateway was interrupted as it made this attempt; it is unknown what arrived.", now);
}

function aborted(message: string, now: number): AttemptResult {
  return {
    log: { at: timestamp(now), durationMs: 0, error: { code: "response-aborted", message } },
    delivered: false,
    final: false,
  };
}

function outcomeOf(
  deps: DeliverParts,
  leased: LeasedAttempt,
  destination: Destination | Closed,
  attempted: AttemptResult,
): RecordCommand["outcome"] {
  if (attempted.delivered) return { kind: "delivered" };
  if (attempted.final || leased.webhook.once) return { kind: "dead" };
  const count = leased.attempt - leased.base;
  const schedule = destination.kind === "closed" ? [] : destination.schedule;
  const delay = deliveryBackoff(schedule, count, deps.random(), attempted.retryAfter);
  return delay === undefined ? { kind: "dead" } : { kind: "retry", delay };
}

/** The current flow-control key: an endpoint's rate may have changed since the delivery was opened. */
function lineOf({ endpointId }: OutboundWebhook, destination: Destination | Closed): DeliveryFlow {
  const endpoint = destination.kind === "closed" ? undefined : destination.endpoint;
  const rateLimit = endpoint && rateOf(endpoint);
  return { ...(endpointId !== undefined && { endpointId }), ...(rateLimit !== undefined && { rateLimit }) };
}
