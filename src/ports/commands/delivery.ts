import type { Format } from "../../endpoints/endpoint.ts";
import type { Denied, ReadAnswer, Scope, StoredConfig } from "../../projects/caller.ts";
import type { Client } from "../../projects/principal.ts";
import type { Idempotency } from "../../shared/idempotency.ts";
import type { DeliveryRecord } from "../../tasks/record.ts";

export interface NewDelivery {
  readonly id: string;
  /** Empty for an event without a task. */
  readonly taskId: string;
  /** The batch whose event it is. */
  readonly batchId?: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly url: string;
  readonly endpointId?: string;
  readonly format: Format;
  readonly body: string;
  /** The body is kept once for all of the event's deliveries in this format. */
  readonly shared?: boolean;
  /** The endpoint's limit of deliveries per second. */
  readonly rateLimit?: number;
  /** It may not be sent now: kept as a dead letter, with the attempt that was not made (JSON text), at that time. */
  readonly dead?: { readonly at: number; readonly log: string };
  readonly trace?: string;
  /** Only one attempt: a later event overtakes it. */
  readonly once?: boolean;
  /** An open circuit holds its first attempt back, for so many milliseconds. */
  readonly delay?: number;
  /** The caller sends the first attempt itself: the lease's id and its length in milliseconds. */
  readonly lease?: { readonly id: string; readonly length: number };
}

/** The first attempts that an open circuit held back as their deliveries were opened, and for how many milliseconds. */
export type Held = ReadonlyMap<string, number>;

export interface BeginCommand {
  readonly project: string;
  readonly delivery: string;
  readonly attempt: number;
  readonly lease: string;
  /** Milliseconds. */
  readonly length: number;
  /** The current destination (its origin), when the previous answer named another one. */
  readonly place?: string;
}

export type LeaseDeliveryAnswer =
  | { readonly kind: "gone" | "closed" | "stale" }
  | { readonly kind: "busy" | "early"; readonly retryAfter: number }
  /** The destination's circuit is open: ask again after so many milliseconds. */
  | {
      readonly kind: "held";
      readonly delay: number;
      readonly endpointId?: string;
      readonly rateLimit?: number;
      readonly config: StoredConfig;
      /** The destination whose circuit it is. */
      readonly place: string;
    }
  | {
      readonly kind: "begun";
      readonly record: DeliveryRecord;
      readonly config: StoredConfig;
      readonly now: number;
      /** The destination whose circuit admitted it. */
      readonly place: string;
    };

export interface RecordCommand {
  readonly project: string;
  readonly delivery: string;
  readonly lease: string;
  readonly attempt: number;
  readonly outcome:
    | { readonly kind: "delivered" }
    | { readonly kind: "dead" }
    | { readonly kind: "retry"; readonly delay: number };
  /** JSON text of the attempt. */
  readonly log: string;
  /** Redis time, estimated from the last script's answer. */
  readonly at: number;
  /** Where the attempt went; absent: nothing was sent. */
  readonly url?: string;
  /** The attempt's evidence about the receiver. */
  readonly verdict: Verdict;
  /** The receiving endpoint, whose health is updated. */
  readonly endpointId?: string;
  /** The deliveries that announce a dead one. */
  readonly deliveries: readonly NewDelivery[];
  readonly nonce: string;
}

/** The attempt's evidence about its receiver. */
export interface Verdict {
  /** Whether its destination answers or fails; absent: unknown. */
  readonly circuit?: "alive" | "failed";
  /** It counts among the failures for which an endpoint is disabled. */
  readonly failing?: boolean;
}

export type RecordAnswer =
  | {
      readonly kind: "recorded";
      readonly nextAt?: number;
      /** Since when its endpoint has had only failures, milliseconds. */
      readonly failingSince?: number;
    }
  | { readonly kind: "gone" | "stale" };

export interface RedeliverCommand {
  readonly caller: Client;
  /** The scope that the caller's key needs. */
  readonly scope: Scope;
  readonly delivery: string;
  readonly endpointId?: string;
  /** Milliseconds until its first attempt. */
  readonly delay: number;
  /** The value kept under the idempotency key; the delivery's id unless given. */
  readonly note?: string;
  /** Its end as it was read, milliseconds; a delivery that was sent again since is left alone. */
  readonly endedAt: number;
  /** The key of a body that deliveries share, `<event id>:<format>`: its retention is extended too. */
  readonly sharedBody?: string;
  readonly idempotency?: Idempotency;
  readonly nonce: string;
}

export type RedeliverAnswer =
  | ReadAnswer<{ record: DeliveryRecord }>
  /** The same idempotency key sent it again before; or another caller has, since it was read. */
  | { readonly kind: "repeated" | "changed"; readonly now: number; readonly record: DeliveryRecord }
  /** It has not ended; the key belongs to another request. */
  | { readonly kind: "pending" | "reused" };

/** The health of an endpoint; times in milliseconds. */
export interface EndpointHealth {
  /** Failed attempts in a row, over all deliveries, and since when. */
  readonly failures: number;
  readonly failingSince?: number;
  /** When a delivery succeeded last, as far as it is noted. */
  readonly lastSuccessAt?: number;
  /** Until when the circuit of its destination is open. */
  readonly openUntil?: number;
}

/** A dead letter, and a place in the list of an endpoint's. */
export interface Letter {
  /** The delivery. */
  readonly id: string;
  /** When it died, milliseconds. */
  readonly at: number;
  /** By the hour of its endpoint, or (by earlier versions) by the day of all. */
  readonly filed: "by-hour" | "by-day";
}

/** Which of an endpoint's dead letters: those that died in a span of time (milliseconds), so many at most. */
export interface DeadLettersQuery {
  readonly caller: Client;
  readonly endpointId: string;
  readonly since: number;
  readonly until: number;
  readonly most: number;
  /** Those after this one. */
  readonly after?: Letter;
}

export type DeadLettersAnswer =
  | Denied
  | {
      readonly kind: "found";
      /** How many there are; at least so many, where those of earlier versions are not looked through yet. */
      readonly count: number;
      readonly deadLetters: readonly Letter[];
      /** The entry after which the next page begins; absent on the last page. */
      readonly next?: Letter;
    };
