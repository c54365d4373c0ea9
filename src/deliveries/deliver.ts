import { CRASHES, DELIVERY_LEASE_MARGIN } from "../shared/limits.ts";
import { originOf } from "../shared/origin.ts";
import type { DeliveryRecord } from "../tasks/record.ts";
import { deliveryBackoff } from "../shared/retry-schedule.ts";
import { timestamp } from "../tasks/view.ts";
import { type Attempted, attemptDelivery, type Parcel } from "./send-webhook.ts";
import type { StoredConfig } from "../projects/caller.ts";
import type { BeginAnswer, BeginCommand, RecordCommand, Verdict } from "../ports/delivery-commands.ts";
import { type Closed, type Destination, destinationOf } from "./destination.ts";
import { disableEndpoint, hasFailedLong } from "../endpoints/disable-endpoint.ts";
import { type DeliveryLine, deliverMessage } from "../scheduling/flow-control.ts";
import type { Parts } from "../ports/dependencies.ts";
import { type DeliverMessage, Undecryptable } from "../ports/ports.ts";
import { findEndpoint, parseConfig, rateOf } from "../projects/project-config.ts";
import { publish } from "../scheduling/publish.ts";
import { publishTidings, tellOfDead } from "../events/operational-events.ts";
import { redisTime } from "../shared/redis-clock.ts";

/** What QStash is told: done or stale, or come back after so many milliseconds. */
export type Answer = { readonly status: 200 } | { readonly status: 503; readonly retryAfter: number };

export const DONE: Answer = { status: 200 };

/** The attempt that a deliver message asks for: leased, sent, recorded; compares state before it acts. */
export async function deliver(parts: Parts, message: DeliverMessage): Promise<Answer> {
  const { project, delivery, attempt } = message;
  const lease = crypto.randomUUID();
  const length = parts.settings.callbackTimeout + DELIVERY_LEASE_MARGIN;
  const begun = await begin(parts, { project, delivery, attempt, lease, length });
  switch (begun.kind) {
    case "gone":
    case "closed":
    case "stale":
      return DONE;
    case "busy":
    case "early":
      return { status: 503, retryAfter: begun.retryAfter };
    case "held":
      await publish(parts, deliverMessage(parts, message, begun.delay, begun));
      return DONE;
    case "begun": {
      const { record } = begun;
      const body = await bodyOf(parts, record);
      await send(parts, {
        project,
        delivery,
        lease,
        attempt,
        base: record.base,
        crashes: record.crashes,
        parcel: { ...record, ...body },
        config: begun.config,
        now: begun.now,
        late: begun.now - record.nextAt,
      });
      return DONE;
    }
  }
}

/** The frozen body; empty when it is no longer kept, or nothing opens it. */
async function bodyOf(
  { store }: Parts,
  { project, eventId, format, body, undecryptable }: DeliveryRecord,
): Promise<Pick<Parcel, "body" | "undecryptable">> {
  if (undecryptable) return { body: "", undecryptable };
  try {
    return { body: body ?? (await store.readBody(project, eventId, format)) ?? "" };
  } catch (error) {
    if (error instanceof Undecryptable) return { body: "", undecryptable: true };
    throw error;
  }
}

/** The circuit of the address that will be called decides, though the endpoint has moved since the last attempt. */
async function begin(parts: Parts, command: BeginCommand): Promise<BeginAnswer> {
  const begun = await parts.store.begin(command);
  if (begun.kind !== "held" && begun.kind !== "begun") return begun;
  const { endpointId } = begun.kind === "begun" ? begun.record : begun;
  const endpoint = endpointId === undefined ? undefined : findEndpoint(parseConfig(begun.config), endpointId);
  const place = endpoint && originOf(endpoint.url);
  return place === undefined || place === begun.place ? begun : parts.store.begin({ ...command, place });
}

/** A leased attempt. */
export interface LeasedAttempt {
  readonly project: string;
  readonly delivery: string;
  readonly lease: string;
  readonly attempt: number;
  /** Attempts that an earlier sending used up. */
  readonly base: number;
  /** How often this attempt's lease lapsed without a record. */
  readonly crashes: number;
  readonly parcel: Parcel;
  readonly config: StoredConfig;
  /** Redis time of the lease. */
  readonly now: number;
  /** Milliseconds between when it was due and the lease. */
  readonly late?: number;
}

/** Sends a leased attempt and records it; the next one is published, or the delivery is dead. */
export async function send(parts: Parts, leased: LeasedAttempt): Promise<void> {
  const { project, delivery, parcel } = leased;
  const time = redisTime(leased.now, parts.clock);
  const destination = await destinationOf(parts, project, leased.config, parcel, time());
  if ("code" in destination && destination.waits && (await putOff(parts, leased))) return;
  const attempted = givenUp(leased, time()) ?? (await attempt(parts, leased, destination, time));
  const endpoint = "code" in destination ? undefined : destination.endpoint;
  // Before it is on record: when we are cut off between the two, the attempt finds the endpoint disabled.
  if (endpoint && attempted.disable) await disableEndpoint(parts, project, endpoint, attempted.disable);
  const outcome = outcomeOf(parts, leased, destination, attempted);
  const tidings = outcome.kind === "dead" ? await tellOfDead(parts, leased, attempted, time()) : [];
  const recorded = await parts.store.record({
    project,
    delivery,
    lease: leased.lease,
    attempt: leased.attempt,
    outcome,
    log: JSON.stringify(attempted.log),
    at: time(),
    ...(attempted.log.url !== undefined && { url: attempted.log.url }),
    verdict: verdictOf(attempted),
    ...(parcel.endpointId !== undefined && { endpointId: parcel.endpointId }),
    deliveries: tidings,
    nonce: crypto.randomUUID(),
  });
  const { error } = attempted.log;
  if (error)
    parts.log("warn", "delivery-attempt-failed", { delivery, attempt: leased.attempt, code: error.code });
  if (recorded.kind !== "recorded") return;
  if (endpoint && hasFailedLong(endpoint, recorded.failingSince, time())) {
    await disableEndpoint(parts, project, endpoint, "failing");
  }
  await publishTidings(parts, project, tidings);
  if (outcome.kind !== "retry") return;
  const body = { v: 1, project, delivery, attempt: leased.attempt + 1 } as const;
  await publish(parts, deliverMessage(parts, body, outcome.delay, lineOf(parcel, destination)));
}

/** A delivery whose endpoint has moved waits until its new address is verified; false when it has waited long enough. */
async function putOff(parts: Parts, leased: LeasedAttempt): Promise<boolean> {
  const { project, delivery, lease, attempt, parcel } = leased;
  if (parcel.once) return false;
  const wait = await parts.store.putOff({ project, delivery, lease, attempt });
  if (wait === undefined) return false;
  await publish(parts, deliverMessage(parts, { v: 1, project, delivery, attempt }, wait, parcel));
  return true;
}

/** What the attempt says of its receiver: a refusal shows that it is alive; what never left tells nothing. */
function verdictOf({ log, tried }: Attempted): Verdict {
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

/** Sends it to where it goes now; what may not be sent, or is no longer kept, has failed for good. */
async function attempt(
  parts: Parts,
  leased: LeasedAttempt,
  destination: Destination | Closed,
  time: () => number,
) {
  if ("code" in destination) {
    return undelivered({ code: destination.code, message: destination.message }, time());
  }
  if (leased.parcel.undecryptable) return undelivered(LOST, time());
  if (leased.parcel.body === "") return undelivered(EXPIRED, time());
  return attemptDelivery(parts, leased.parcel, destination, time);
}

const LOST = { code: "undecryptable", message: "No configured master secret opens what was to be sent." };
const EXPIRED = { code: "body-expired", message: "What was to be sent is no longer kept." };

function undelivered(error: { readonly code: string; readonly message: string }, now: number): Attempted {
  return { log: { at: timestamp(now), durationMs: 0, error }, delivered: false, final: true };
}

/** How late an event may be sent that the next one overtakes, in milliseconds. */
const ONCE_LATENESS = 10_000;

/**
 * An attempt that took its sender down again and again is given up, so that the next one can come; one that is made
 * once alone also when it was interrupted or comes too late.
 */
function givenUp({ crashes, parcel, late = 0 }: LeasedAttempt, now: number): Attempted | undefined {
  if (parcel.once && late > ONCE_LATENESS) {
    return aborted("It was not sent in time; what it tells has been overtaken.", now);
  }
  if (crashes <= (parcel.once ? 0 : CRASHES)) return undefined;
  return aborted("The gateway was interrupted as it made this attempt; it is unknown what arrived.", now);
}

function aborted(message: string, now: number): Attempted {
  return {
    log: { at: timestamp(now), durationMs: 0, error: { code: "response-aborted", message } },
    delivered: false,
    final: false,
  };
}

function outcomeOf(
  parts: Parts,
  leased: LeasedAttempt,
  destination: Destination | Closed,
  attempted: Attempted,
): RecordCommand["outcome"] {
  if (attempted.delivered) return { kind: "delivered" };
  if (attempted.final || leased.parcel.once) return { kind: "dead" };
  const count = leased.attempt - leased.base;
  const schedule = "code" in destination ? [] : destination.schedule;
  const delay = deliveryBackoff(schedule, count, parts.random(), attempted.retryAfter);
  return delay === undefined ? { kind: "dead" } : { kind: "retry", delay };
}

/** The line of now: an endpoint's rate may have changed since the delivery was opened. */
function lineOf({ endpointId }: Parcel, destination: Destination | Closed): DeliveryLine {
  const endpoint = "code" in destination ? undefined : destination.endpoint;
  const rateLimit = endpoint && rateOf(endpoint);
  return { ...(endpointId !== undefined && { endpointId }), ...(rateLimit !== undefined && { rateLimit }) };
}
