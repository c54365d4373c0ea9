import { CallbackError } from "./error.ts";
import type { CallbackEvent } from "./events.ts";
import { hmacKey, isSignedBy, type PublicKey } from "./keys.ts";
import { type Message, type RawCallback, readMessage } from "./message.ts";

// biome-ignore lint/performance/noBarrelFile: this is the entry of the package's receiving side
export { CallbackError, type CallbackErrorCode } from "./error.ts";
export type { TaskEventData } from "./event-data.ts";
export type {
  CallbackEvent,
  EndpointEvent,
  EndpointEventData,
  TaskEvent,
} from "./events.ts";
export type { Jwks, PublicKey } from "./keys.ts";
export type { RawCallback } from "./message.ts";

/** Remembers which requests were accepted; to be shared by all processes that receive. */
export interface ReplayStore {
  /**
   * Says whether the key is kept, and keeps it for `ttl` seconds when it is not, in one step
   * (Redis: `SET key 1 NX EX ttl` that sets nothing).
   *
   * @param key of one attempt: an attempt that the gateway repeats has another, the same request sent again has not
   */
  seen(key: string, ttl: number): boolean | Promise<boolean>;
}

export interface VerifyOptions {
  /** For signatures `v1a`: `whpk_…`, the address of the project's JWKS, or a JWKS; one or several. */
  readonly publicKeys?: PublicKey | readonly PublicKey[];
  /** Seconds between `webhook-timestamp` and the receiver's clock, either way; 300 unless given. */
  readonly tolerance?: number;
  /** Refuses a request that is sent a second time within the tolerance. */
  readonly replays?: ReplayStore;
  /** Bytes of a body that is read, 1 MiB unless given. */
  readonly maxBody?: number;
  /** Milliseconds since the epoch; the machine's clock unless given. */
  readonly now?: () => number;
}

/**
 * Verifies a callback (Standard Webhooks 1.0.0) and gives its event. Give it the request before anything has read the
 * body; where there is no `Request`, give headers and the raw body.
 *
 * The event's `id` is the same on every attempt: do each id's work once. Check `sequence` when the order of a task's
 * events matters.
 *
 * @param secrets `whsec_…`, one or several while they rotate; none (`[]`) where public keys alone count
 * @throws CallbackError with a stable `code`, and the `status` to answer; TypeError for invalid options
 * @example
 * ```ts
 * import { CallbackError, verifyCallback } from "ringback/receiver";
 *
 * export default {
 *   async fetch(request: Request, env: { RINGBACK_SECRET: string }): Promise<Response> {
 *     try {
 *       const event = await verifyCallback(request, env.RINGBACK_SECRET);
 *       if (event.type === "task.succeeded") console.log(event.data.id, event.data.result);
 *       return new Response(null, { status: 204 });
 *     } catch (error) {
 *       if (error instanceof CallbackError) return new Response(error.code, { status: error.status });
 *       throw error;
 *     }
 *   },
 * };
 * ```
 */
export async function verifyCallback(
  request: Request | RawCallback,
  secrets: string | readonly string[],
  options: VerifyOptions = {},
): Promise<CallbackEvent> {
  const { tolerance, maxBody, replays, now } = checked(options);
  const publicKeys = listOf(options.publicKeys);
  const keys = await Promise.all(listOf(secrets).map(hmacKey));
  if (keys.length + publicKeys.length === 0) {
    throw new CallbackError("invalid-secret", "There is neither a secret nor a public key to verify with.");
  }
  const message = await readMessage(request, maxBody);
  checkTime(message.timestamp, Math.floor(now / 1_000), tolerance);
  if (!((await isMacOf(keys, message)) || (await isSignedBy(publicKeys, message, now)))) {
    throw new CallbackError(
      "bad-signature",
      "No signature fits: check that the secret is this project's or endpoint's, and that the body is as it came.",
    );
  }
  const event = parseEvent(message);
  // Beyond twice the tolerance the timestamp refuses it. The id alone would refuse the gateway's own repetitions.
  if (await replays?.seen(`${message.id}.${message.timestamp}`, 2 * tolerance + 1)) {
    throw new CallbackError("replayed", "This very request was accepted before.");
  }
  return event;
}

/**
 * The options with their defaults. A comparison with a value other than a number would accept every callback.
 *
 * @throws TypeError
 */
function checked({ tolerance = 300, maxBody = 1_048_576, replays, now: clock = Date.now }: VerifyOptions) {
  if (typeof clock !== "function") throw new TypeError("`now` must be a function.");
  const now = clock();
  for (const [name, value] of Object.entries({ tolerance, maxBody, "now()": now })) {
    if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
      throw new TypeError(`\`${name}\` must be a finite number, 0 or more.`);
    }
  }
  if (replays !== undefined && typeof replays?.seen !== "function") {
    throw new TypeError("`replays` must have a function `seen`.");
  }
  return { tolerance, maxBody, replays, now };
}

function listOf<Value>(values: Value | readonly Value[] | undefined): readonly Value[] {
  if (values === undefined) return [];
  return Array.isArray(values) ? values : [values as Value]; // no list, then it is the one value
}

/** @param now seconds since the epoch */
function checkTime(timestamp: number, now: number, tolerance: number): void {
  if (timestamp < now - tolerance) {
    throw new CallbackError("too-old", `The callback was sent more than ${tolerance} s ago.`);
  }
  if (timestamp > now + tolerance) {
    throw new CallbackError("too-new", `The callback was sent more than ${tolerance} s ahead of this clock.`);
  }
}

/** `verify` compares in constant time on every runtime; all pairs are compared, even after a match. */
async function isMacOf(keys: readonly CryptoKey[], { signatures, content }: Message): Promise<boolean> {
  const macs = signatures.filter(({ version }) => version === "v1");
  const checks = keys.flatMap((key) =>
    macs.map(({ bytes }) => crypto.subtle.verify("HMAC", key, bytes, content)),
  );
  return (await Promise.all(checks)).includes(true);
}

/** `{type, timestamp, data}`, or a CloudEvent in structured mode, in which the time is called `time`. */
function parseEvent({ id, body }: Message): CallbackEvent {
  const parsed = parseJson(body);
  if (typeof parsed === "object" && parsed !== null) {
    const { type, timestamp, time = timestamp, data } = parsed as Readonly<Record<string, unknown>>;
    if (typeof type === "string" && typeof time === "string" && typeof data === "object" && data !== null) {
      return { id, type, timestamp: time, data } as CallbackEvent; // signed by a gateway, whose contract the types are
    }
  }
  throw new CallbackError(
    "malformed-body",
    "The body is not JSON, or not an event: type, timestamp or data are missing.",
  );
}

/** Undefined for bytes that are not JSON in UTF-8. */
function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined; // which is no event
  }
}
