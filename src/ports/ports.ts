import type { ServiceMethod } from "../services/service.ts";

/** The verdict of the guard on a URL that a client supplied: why it is refused, or undefined when it may be called. */
export interface UnsafeUrl {
  /** `unsafe-address`: a stable code that is stored with delivery attempts. */
  readonly code: "unsafe-address";
  /** One sentence for the client; names the rule, never an internal address that the client did not write. */
  readonly detail: string;
}

/** Judges URLs and calls them: the only way in which a client-supplied URL is ever requested. */
export interface Fetcher {
  /** What can be told from the URL alone. */
  checkUrl(url: string): UnsafeUrl | undefined;
  /**
   * What can be told once the host's name is resolved, which policy `strict` wants: one bad address refuses it.
   * @throws FetchFailure `dns-failed` when there is no telling: ResolverUnavailable when asking again may help
   */
  resolveAndCheck(url: string): Promise<UnsafeUrl | undefined>;
  /**
   * Sends one request.
   * @throws FetchFailure when it was refused, could not be made, or took too long.
   */
  fetch(url: string, init: GuardedInit): Promise<Response>;
  /**
   * Reads the beginning of a response's body as UTF-8, for so many milliseconds at most, and gives the rest up; never
   * throws for what the body does.
   */
  read(
    response: Response,
    maxBytes: number,
    patience: number,
  ): Promise<{ readonly text: string; readonly truncated: boolean }>;
}

export interface GuardedInit {
  readonly method?: string;
  readonly headers?: HeadersInit;
  readonly body?: BodyInit;
  readonly signal?: AbortSignal;
  /** `manual` never follows (callbacks); `follow` judges every hop, 5 at most. */
  readonly redirect: "manual" | "follow";
}

/** Stable codes of what can go wrong before a response is there; `response-aborted` also while an attempt is made. */
export type FetchFailureCode =
  | "unsafe-address"
  | "dns-failed"
  | "connect-failed"
  | "tls-failed"
  | "timeout"
  | "redirect"
  | "response-aborted";

export class FetchFailure extends Error {
  override readonly name = "FetchFailure";
  readonly code: FetchFailureCode;

  constructor(code: FetchFailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The resolver did not tell what a name's addresses are: asked again, it may. */
export class ResolverUnavailable extends FetchFailure {}

/**
 * The `webhook-signature` of one attempt, space-separated: a `v1` signature per secret, a `v1a` per private key.
 *
 * @param secrets `whsec_…`, newest first; Ed25519 keys as a JWK's JSON
 * @param sentAt seconds since the epoch, as `webhook-timestamp` has them
 */
export type Sign = (secrets: readonly string[], id: string, sentAt: number, body: string) => Promise<string>;

/** Goes on after the answer: `waitUntil` on Workers, a tracked promise on Deno. */
export interface Background {
  waitUntil(work: Promise<unknown>): void;
}

/** A run message: the attempt that it asks for. */
export interface RunMessage {
  readonly v: 1;
  readonly project: string;
  readonly task: string;
  readonly run: number;
  readonly attempt: number;
  /** The task's type, when it is limited: the limits are held at its start. */
  readonly type?: string;
  /** It waits in its `concurrencyKey`'s line, so that no line has held it to its type's limits. */
  readonly keyed?: true;
}

/** A deliver message: the attempt that it asks for. */
export interface DeliverMessage {
  readonly v: 1;
  readonly project: string;
  readonly delivery: string;
  readonly attempt: number;
}

/** A line in which messages wait for one another; every message sets its line's limits anew. */
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

/** A call of a service, which the queue makes itself and whose outcome it tells. */
export interface ServiceCall {
  readonly url: string;
  readonly method: ServiceMethod;
  readonly headers: Readonly<Record<string, string>>;
  /** Names of the headers that nobody may read in the queue's own logs. */
  readonly secrets: readonly string[];
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Where the outcome is told, below our own address: path and query. */
  readonly callback: string;
  /** Milliseconds, rounded up to seconds. */
  readonly timeout: number;
  /** Milliseconds, rounded up to seconds. */
  readonly delay: number;
  readonly flow: Flow;
}

/**
 * Whether QStash signed a call, or the first check that its signature does not pass. URLs and seconds are those that a
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
export interface Queue {
  /** @throws QueueUnavailable */
  publish(message: QueueMessage): Promise<void>;
  /**
   * Publishes many in one request.
   *
   * @returns the messages' ids, in order; undefined for those that were refused
   * @throws QueueUnavailable
   */
  publishAll(messages: readonly QueueMessage[]): Promise<readonly (string | undefined)[]>;
  /** Has a service called once. @returns the message's id @throws QueueUnavailable, CallRefused */
  call(call: ServiceCall): Promise<string>;
  /**
   * Whether the message has not been delivered yet.
   *
   * @throws QueueUnavailable when that is unknown: the queue answered neither with the message nor that there is none
   */
  holds(message: string): Promise<boolean>;
  /**
   * Whether the message waits for its time or in its flow-control line. One that was tried and is to be tried again does
   * not count: the queue's backoff may be longer than ours.
   *
   * @throws QueueUnavailable when that is unknown
   */
  waits(message: string): Promise<boolean>;
  /** Takes messages back that have not been delivered yet, in one request; never throws. */
  cancel(...messages: readonly string[]): Promise<void>;
  /** Whether QStash answers. */
  ping(): Promise<boolean>;
}

/** The queue did not take the message; the due entry makes up for it. */
export class QueueUnavailable extends Error {
  override readonly name = "QueueUnavailable";
}

/** The queue will never take the call: it is too large for its plan, or it finds the address impossible. */
export class CallRefused extends Error {
  override readonly name = "CallRefused";
}

/** Redis did not answer: it is unknown whether the script ran. */
export class StoreUnavailable extends Error {
  override readonly name: string = "StoreUnavailable";
}

/** Redis holds what a newer version of the gateway has stored, and this one would damage. */
export class StorageTooNew extends StoreUnavailable {
  override readonly name = "StorageTooNew";

  constructor(found: number, own: number) {
    super(`Redis holds storage version ${found}, this gateway knows ${own}.`);
  }
}

/** Redis answered that it will not do this, however often it is asked. */
export class StoreRefused extends Error {
  override readonly name: string = "StoreRefused";
}

/** What was to be stored is more than Redis takes in one request: nothing was written. */
export class RequestTooLarge extends StoreRefused {
  override readonly name = "RequestTooLarge";
}

/** No configured master secret opens what lies encrypted in Redis, or it was damaged. */
export class Undecryptable extends Error {
  override readonly name = "Undecryptable";
}
