import type { Format } from "../domain/endpoint.ts";
import type { DeliveryRecord } from "../domain/record.ts";
import type { Caller, ReadAnswer, StoredConfig } from "./caller.ts";
import type { Idempotency } from "./idempotency.ts";

export interface NewDelivery {
  readonly id: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly url: string;
  readonly endpointId?: string;
  readonly format: Format;
  readonly body: string;
  /** The body is kept once for all of the event's deliveries in this format. */
  readonly shared?: boolean;
  /** Deliveries per second that the endpoint bears. */
  readonly rateLimit?: number;
  /** It may not be sent now: kept as a dead letter, with the attempt that was not made (JSON text), at that time. */
  readonly dead?: { readonly at: number; readonly log: string };
  readonly traceparent?: string;
  /** One attempt alone: what comes after has overtaken it. */
  readonly once?: boolean;
  /** The caller sends the first attempt itself: the lease's id and its length in milliseconds. */
  readonly lease?: { readonly id: string; readonly length: number };
}

export type BeginAnswer =
  | { readonly kind: "gone" | "closed" | "stale" }
  | { readonly kind: "busy" | "early"; readonly retryAfter: number }
  | {
      readonly kind: "begun";
      readonly record: DeliveryRecord;
      readonly config: StoredConfig;
      readonly now: number;
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
  readonly nonce: string;
}

export type RecordAnswer =
  | { readonly kind: "recorded"; readonly nextAt?: number }
  | { readonly kind: "gone" | "stale" };

export interface RedeliverCommand {
  readonly caller: Caller;
  readonly delivery: string;
  /** When it ended, milliseconds: the day under which a dead one is filed. */
  readonly endedAt: number;
  /** Where its body is kept with that of others, `<event id>:<format>`: kept longer with it. */
  readonly sharedBody?: string;
  readonly idempotency?: Idempotency;
  readonly nonce: string;
}

export type RedeliverAnswer =
  | ReadAnswer<{ record: DeliveryRecord }>
  /** The same idempotency key sent it again before. */
  | { readonly kind: "repeated"; readonly now: number; readonly record: DeliveryRecord }
  /** It has not ended; the key belongs to another request. */
  | { readonly kind: "pending" | "reused" };
