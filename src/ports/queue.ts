import type { ServiceMethod } from "../services/service.ts";

/** A run message: it asks for this attempt. */
export interface RunMessage {
  readonly v: 1;
  readonly project: string;
  readonly task: string;
  readonly run: number;
  readonly attempt: number;
  /** The task's type, when it is limited: the limits are held at its start. */
  readonly type?: string;
  /** It waits in its `concurrencyKey`'s line, so that no line has enforced its type's limits. */
  readonly keyed?: true;
}

/** A deliver message: it asks for this attempt. */
export interface DeliverMessage {
  readonly v: 1;
  readonly project: string;
  readonly delivery: string;
  readonly attempt: number;
}

/** A line in which messages wait for one another; every message sets its line's limits again. */
export interface Flow {
  readonly key: string;
  /** Calls in flight at a time. */
  readonly parallelism: number;
  /** Calls begun within `period`, which is in milliseconds. */
  readonly rate?: number;
  readonly period?: number;
}

export type QueueMessage =
  | { readonly kind: "run"; readonly body: RunMessage; readonly delay: number; readonly flow?: Flow }
  | { readonly kind: "deliver"; readonly body: DeliverMessage; readonly delay: number; readonly flow?: Flow }
  | { readonly kind: "sweep"; readonly body: { readonly v: 1 }; readonly delay: number };

/** A call of a service, which the queue makes itself and whose outcome it reports. */
export interface ServiceCall {
  readonly url: string;
  readonly method: ServiceMethod;
  readonly headers: Readonly<Record<string, string>>;
  /** Names of the headers that the queue's own logs must hide. */
  readonly secrets: readonly string[];
  readonly body?: Uint8Array<ArrayBuffer>;
  /** The address of the outcome report, below our own address: path and query. */
  readonly callback: string;
  /** Milliseconds, rounded up to seconds. */
  readonly timeout: number;
  /** Milliseconds, rounded up to seconds. */
  readonly delay: number;
  readonly flow: Flow;
}

/**
 * Whether QStash signed a call, or the first check that its signature fails. URLs and seconds come from a token that
 * key of ours has signed.
 */
export type SignatureVerdict =
  | { readonly valid: true }
  | {
      readonly valid: false;
      readonly reason: "no-signature" | "malformed-signature" | "wrong-key" | "wrong-issuer" | "wrong-body";
    }
  | {
      readonly valid: false;
      readonly reason: "wrong-subject";
      readonly expected: string;
      readonly given: string;
    }
  /** Seconds since it expired, or until it is valid. */
  | { readonly valid: false; readonly reason: "expired" | "not-yet-valid"; readonly seconds: number };

/** Why a call is not the queue's. */
export type SignatureRefusal = Extract<SignatureVerdict, { readonly valid: false }>;

/** Hands messages to QStash, which calls `/internal/…` with them; delays in milliseconds, rounded up to seconds. */
export interface Publisher {
  /** @throws QueueUnavailable */
  publish(message: QueueMessage): Promise<void>;
  /**
   * Publishes many in one request.
   *
   * @returns the messages' ids, in order; undefined for those that were refused
   * @throws QueueUnavailable
   */
  publishAll(messages: readonly QueueMessage[]): Promise<readonly (string | undefined)[]>;
}

/** Has services called. */
export interface ServiceQueue {
  /** Has a service called once. @returns the message's id @throws QueueUnavailable, CallRefused */
  call(call: ServiceCall): Promise<string>;
  /**
   * Whether the message has not been delivered yet.
   *
   * @throws QueueUnavailable when that is unknown: the queue answered neither with the message nor with its absence
   */
  holds(message: string): Promise<boolean>;
  /** Withdraws messages that have not been delivered yet, in one request; never throws. */
  cancel(...messages: readonly string[]): Promise<void>;
}

/** Reports whether a message still waits. */
export interface WaitingMessages {
  /**
   * Whether the message waits for its time or in its flow-control line. A message that waits for a retry
   * does not count: the queue's backoff may be longer than ours.
   *
   * @throws QueueUnavailable when that is unknown
   */
  waits(message: string): Promise<boolean>;
}

/** All requests of the gateway to QStash. */
export interface Queue extends Publisher, ServiceQueue, WaitingMessages {
  /** Whether QStash answers. */
  ping(): Promise<boolean>;
}
