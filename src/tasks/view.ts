import type { Delivery, DeliverySummary } from "../deliveries/schema.ts";
import { surveyJson } from "../shared/json/json-text.ts";
import type { DeliveryRecord, TaskRecord, TimelineEntry } from "./record.ts";
import type { Task, TimelineItem } from "./schema.ts";
import { isTerminal, visibleStatus } from "./status.ts";

export interface ViewOptions {
  /** The gateway's address, without a slash at the end. */
  readonly publicUrl: string;
  /** Milliseconds, Redis time. */
  readonly now: number;
  /** The delivery of this run's end to `callbackUrl`, when there is one. */
  readonly delivery?: DeliveryRecord;
  readonly include?: { readonly input?: boolean; readonly result?: boolean };
}

/** The task object; a result that has expired is left out. */
export function taskView(record: TaskRecord, options: ViewOptions): Task {
  const status = visibleStatus(record.status, record.attempt, record.startsAt, options.now);
  const self = `${options.publicUrl}/v1/tasks/${record.id}`;
  const { progress, error } = record;
  return {
    id: record.id,
    type: record.type,
    status,
    done: isTerminal(status),
    run: record.run,
    sequence: record.sequence,
    attempt: record.attempt,
    maxAttempts: record.maxAttempts,
    createdAt: timestamp(record.createdAt),
    ...(record.run === 1 && record.startsAt > record.createdAt && { notBefore: timestamp(record.startsAt) }),
    ...(record.startedAt !== undefined && { startedAt: timestamp(record.startedAt) }),
    ...(record.endedAt !== undefined && { endedAt: timestamp(record.endedAt) }),
    deadlineAt: timestamp(record.deadlineAt),
    ...(record.resultExpiresAt !== undefined && { resultExpiresAt: timestamp(record.resultExpiresAt) }),
    ...(record.parked && record.status === "queued" && { paused: true }),
    ...(progress && { progress: { ...progress, at: timestamp(progress.at) } }),
    metadata: record.metadata,
    ...(options.include?.input && record.input.json !== undefined && { input: jsonValue(record.input.json) }),
    ...(options.include?.result !== false &&
      record.result.json !== undefined && { result: jsonValue(record.result.json) }),
    ...(error && record.status !== "succeeded" && { error }),
    ...(record.callback && { callback: callbackView(record, options.delivery) }),
    links: { self, result: `${self}/result`, events: `${self}/events`, cancel: `${self}/cancel` },
  };
}

/** A value from an older gateway may nest too deeply to be written again: then its text stands for it. */
function jsonValue(json: string): unknown {
  return surveyJson(json).tooDeep ? json : JSON.parse(json);
}

function callbackView(
  record: TaskRecord,
  delivery: DeliveryRecord | undefined,
): NonNullable<Task["callback"]> {
  const url = record.callback?.url ?? "";
  if (!delivery) return { url, status: "pending", attempts: 0 };
  const lastError = delivery.attempts.at(-1)?.error;
  return {
    url,
    status: delivery.status,
    attempts: delivery.attempts.length,
    deliveryId: delivery.id,
    ...(delivery.status === "pending" && { nextAttemptAt: timestamp(delivery.nextAt) }),
    ...(lastError && { lastError }),
  };
}

/** The reason why a delivery waits although its time has come. */
const HELD = {
  code: "circuit-open" as const,
  message: "The destination has failed again and again: one attempt at a time is let through to it.",
};

const UNVERIFIED = {
  code: "endpoint-unverified" as const,
  message: "The endpoint's new address has not been verified yet.",
};

/** The reason why a pending delivery waits, and since when. */
function reasonOf({ heldSince, unverifiedSince }: DeliveryRecord) {
  if (unverifiedSince !== undefined) return { ...UNVERIFIED, since: timestamp(unverifiedSince) };
  return heldSince === undefined ? undefined : { ...HELD, since: timestamp(heldSince) };
}

/** A delivery as clients read it. */
export function deliveryView(record: DeliveryRecord): Delivery {
  return { ...deliverySummary(record), attempts: record.attempts };
}

/** A delivery in a list. */
export function deliverySummary(record: DeliveryRecord): DeliverySummary {
  const reason = reasonOf(record);
  const lastError = record.attempts.at(-1)?.error;
  return {
    id: record.id,
    ...(record.taskId !== "" && { taskId: record.taskId }),
    ...(record.batchId !== undefined && { batchId: record.batchId }),
    eventId: record.eventId,
    eventType: record.eventType,
    url: record.url,
    ...(record.endpointId !== undefined && { endpointId: record.endpointId }),
    status: record.status,
    createdAt: timestamp(record.createdAt),
    ...(record.status === "pending" && { nextAttemptAt: timestamp(record.nextAt) }),
    ...(reason && { reason }),
    ...(record.endedAt !== undefined && { endedAt: timestamp(record.endedAt) }),
    attemptCount: record.attempt,
    ...(lastError && { lastError }),
  };
}

/** A timeline entry as clients read it. */
export function timelineView(entry: TimelineEntry): TimelineItem {
  return { ...entry, at: timestamp(entry.at) };
}

/** RFC 3339 in UTC with milliseconds. */
export function timestamp(time: number): string {
  return new Date(time).toISOString();
}

/** The longest `Retry-After`, in seconds. */
const LONGEST_WAIT = 3_600;

/**
 * Seconds after which another read makes sense (RFC 9110, section 10.2.3): until the start when it is in the future,
 * then the rest of the type's usual run time; else a wait that grows with the task's age. Never beyond the deadline, at
 * which the task ends.
 *
 * @param usual milliseconds that runs of the type take, where that is known
 */
export function retryAfter(record: TaskRecord, now: number, usual = 0): number {
  const left = Math.ceil((record.deadlineAt - now) / 1_000);
  return Math.max(1, Math.min(left, LONGEST_WAIT, estimate(record, now, usual)));
}

function estimate(record: TaskRecord, now: number, usual: number): number {
  if (record.nextAt > now) return Math.ceil((record.nextAt - now) / 1_000);
  if (record.status === "queued") return Math.max(Math.ceil(usual / 1_000), grown(record, now));
  const ahead = (record.startedAt ?? now) + usual - now;
  return ahead > 0 ? Math.ceil(ahead / 1_000) : grown(record, now);
}

function grown(record: TaskRecord, now: number): number {
  const age = now - record.createdAt;
  if (age < 10_000) return 1;
  if (age < 60_000) return 2;
  return age < 600_000 ? 5 : 15;
}
