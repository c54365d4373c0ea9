import type { Attempt } from "../deliveries/schema.ts";
import type { Format } from "../endpoints/endpoint.ts";
import type { Infer } from "../shared/schema/schema.ts";
import type { actor, failure } from "./schema.ts";
import type { StoredStatus } from "./status.ts";

/** A failure as clients read it; Redis keeps it in the same form. */
export type Failure = Infer<ReturnType<typeof failure>>;

/** The party that moved a task. */
export type Actor = Infer<typeof actor>;

/** How far the work is. */
export interface Progress {
  readonly percent?: number;
  readonly message?: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** One entry of a task's timeline. */
export interface TimelineEntry {
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly run: number;
  readonly type: string;
  readonly actor: Actor;
  readonly cause?: string;
}

/** Where the client wants to be called. */
export interface CallbackTarget {
  readonly url: string;
  readonly events: readonly string[];
}

/** The options of a submit that last over all runs; durations in milliseconds. */
export interface TaskOptions {
  readonly deadline: number;
  readonly timeout?: number;
  readonly heartbeatTimeout?: number;
  readonly resultTtl?: number;
  readonly concurrencyKey?: string;
}

/** The place of an input or a result: in the task's hash, under a key of its own, or nowhere. */
export type Placement = "inline" | "key" | "none";

/** An input or a result. */
export interface Payload {
  readonly placement: Placement;
  /** Absent when it does not exist, was not read, is no longer kept, or cannot be decrypted. */
  readonly json?: string;
  /** It is encrypted, and no configured master secret decrypts it. */
  readonly undecryptable?: true;
}

/** A task as it is stored; times in milliseconds since the epoch, JSON as text. */
export interface TaskRecord {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly status: StoredStatus;
  readonly run: number;
  readonly sequence: number;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly crashes: number;
  readonly createdAt: number;
  /** When this run may start. */
  readonly startsAt: number;
  /** When the next attempt may begin. */
  readonly nextAt: number;
  readonly deadlineAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly resultExpiresAt?: number;
  readonly progress?: Progress;
  readonly metadata: Readonly<Record<string, string>>;
  readonly options: TaskOptions;
  readonly callback?: CallbackTarget;
  readonly input: Payload;
  readonly result: Payload;
  readonly error?: Failure;
  /** The ids of this run's deliveries to `callbackUrl`, oldest first, without those of its progress. */
  readonly deliveries: readonly string[];
  /** The ids of earlier runs' deliveries. */
  readonly pastDeliveries: readonly string[];
  /** The deliveries of the newest `task.progress`: only one event of it is kept, and each replaces the previous one. */
  readonly progressDeliveries: readonly string[];
  /** The bodies that several deliveries share, `<event id>:<format>`. */
  readonly sharedBodies: readonly string[];
  /** The hash of the idempotency key that it was submitted under. */
  readonly idempotencyHash?: string;
  /** The time by which the bearer of a waiting task's token must have reported again. */
  readonly heartbeatBy?: number;
  readonly lease?: string;
  /** Its attempt has a place in its type's set of running ones. */
  readonly held?: true;
  /** Its next attempt is held, because its project or its type is paused. */
  readonly parked?: true;
  /** The batch with one callback that it belongs to. */
  readonly batch?: string;
  /** The queue's ids of the messages by which it calls a service for the present attempt. */
  readonly calls?: readonly string[];
  /** The next poll after the present attempt's work: its service, address and number. */
  readonly poll?: { readonly number: number; readonly url: string; readonly service?: string };
  /** The trace that it continues: its `traceparent`, and after a space its `tracestate`. */
  readonly trace?: string;
  readonly timeline: readonly TimelineEntry[];
}

/** One attempt to deliver, as it is recorded. */
export type DeliveryAttempt = Infer<typeof Attempt>;

export type DeliveryStatus = "pending" | "delivered" | "dead";

/** An event on its way to one receiver; times in milliseconds since the epoch. */
export interface DeliveryRecord {
  readonly id: string;
  readonly project: string;
  /** Empty for an event without a task. */
  readonly taskId: string;
  /** The batch whose event it is. */
  readonly batchId?: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly url: string;
  readonly endpointId?: string;
  readonly status: DeliveryStatus;
  readonly attempt: number;
  /** Attempts before it was last sent again: the schedule counts from there. */
  readonly base: number;
  readonly crashes: number;
  readonly createdAt: number;
  readonly nextAt: number;
  /** When the lease of the attempt under way ends; 0 when none is. */
  readonly leaseUntil: number;
  /** Since when its destination's open circuit delays the next attempt. */
  readonly heldSince?: number;
  /** Since when it waits for the verification of its endpoint's new address. */
  readonly unverifiedSince?: number;
  readonly endedAt?: number;
  readonly format: Format;
  /**
   * The frozen body; absent when all deliveries of the event in this format share one, or when it cannot be decrypted.
   */
  readonly body?: string;
  /** It is encrypted, and no configured master secret decrypts it. */
  readonly undecryptable?: true;
  /** The endpoint's limit of deliveries per second when this was opened. */
  readonly rateLimit?: number;
  /** Only one attempt: a later event overtakes it. */
  readonly once?: boolean;
  /** The trace that it continues: its `traceparent`, and after a space its `tracestate`. */
  readonly trace?: string;
  readonly attempts: readonly DeliveryAttempt[];
}
