import { base64 } from "../shared/bytes.ts";
import { isExact } from "../shared/json/json-text.ts";
import { parseRetryAfter } from "../shared/time/retry-after.ts";
import type { Failure } from "../tasks/record.ts";
import { shownHeaders } from "./headers.ts";
import { type HttpResult, textOf } from "./http-request.ts";
import { pollTarget } from "./path.ts";
import type { Service } from "./service.ts";

/** The queue's report on one call of a service. */
export interface ServiceResponse {
  /** Absent or 0 when there was no answer. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The address that was called. */
  readonly url: string;
}

/** The consequence of an answer for its attempt; delays in milliseconds. */
export type Verdict =
  | { readonly kind: "succeeded"; readonly result: string }
  | { readonly kind: "waiting" }
  | { readonly kind: "poll"; readonly url: string; readonly delay: number }
  | {
      readonly kind: "failed";
      readonly error: Failure;
      readonly retryAfter: number;
      readonly result?: string;
    };

const TEXT =
  /^(?:text\/|application\/(?:[\w.+-]+\+)?(?:json|xml|yaml|javascript|x-www-form-urlencoded|x-ndjson|graphql)\b|image\/svg\+xml)/i;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/** Worth another call: the service was busy, or it failed (RFC 9110, section 15; RFC 6585, section 4). */
const RETRYABLE = new Set([408, 425, 429]);

/**
 * Judges an answer.
 *
 * @param polled it answers a poll: then a failure that may pass is asked about again, and does not repeat the work
 * @param now the edge's clock, milliseconds, for a `Retry-After` that is a date
 */
export function classifyResponse(
  service: Service,
  response: ServiceResponse,
  polled: boolean,
  now: number,
): Verdict {
  const { status } = response;
  const wait = retryAfterOf(response, now);
  if (status === 202 && service.completion === "token") return { kind: "waiting" };
  const next = service.completion === "poll" ? nextPoll(service, response, polled, wait) : undefined;
  if (next) return next;
  if (status === 0) return noAnswer(response);
  const cut = cutFault(service, response);
  const result = cut ? undefined : JSON.stringify(resultOf(service, response));
  if (status < 200 || status > 299) {
    const failure = failed("upstream-status", `The service answered ${status}.`, isRetryable(status), wait);
    return result === undefined ? failure : { ...failure, result };
  }
  return result === undefined ? failed("result-truncated", cut ?? "", false) : { kind: "succeeded", result };
}

/** A service that says `Retry-After: 0`, or a time that has passed, is not asked without a pause. */
const SHORTEST_POLL = 1_000;

/** The next poll, when the answer means that the work goes on; undefined when it is the final answer. */
function nextPoll(
  service: Service,
  response: ServiceResponse,
  polled: boolean,
  wait: number | undefined,
): Verdict | undefined {
  const { status, url } = response;
  const again = (target: string): Verdict => ({
    kind: "poll",
    url: target,
    delay: Math.max(wait ?? service.poll.interval, SHORTEST_POLL),
  });
  if (status === 202 || (polled && status === 303)) return follow(service, response, polled, again);
  if (!polled) return undefined;
  const isUndecided = status === 0 || isRetryable(status) || (status === 200 && isPending(service, response));
  return isUndecided ? again(url) : undefined;
}

function isRetryable(status: number): boolean {
  return status >= 500 || RETRYABLE.has(status);
}

function failed(code: string, message: string, retryable: boolean, retryAfter = 0) {
  return { kind: "failed", error: { code, message, retryable }, retryAfter } as const;
}

/** QStash's words for why there was no answer are not documented; they say at least whether it was time. */
function noAnswer({ body }: ServiceResponse): Verdict {
  const isTimeout = /time(?:d )?-?out|deadline exceeded/i.test(textOf(body) ?? "");
  return isTimeout
    ? failed("upstream-timeout", "The service did not answer in time.", true)
    : failed("upstream-unreachable", "The service could not be reached.", true);
}

/** Bytes of the smallest plan's messages, in both readings of "1 MB"; the other plans' are over every limit here. */
const CUT_AT = new Set([1_000_000, 1_048_576]);

/**
 * QStash truncates answers that are larger than its plan's messages without notice: a truncated answer must not pass
 * for a whole one.
 */
function cutFault(service: Service, { headers, body }: ServiceResponse): string | undefined {
  if (body.length > service.responseLimit) {
    return `The answer has more than the ${service.responseLimit} bytes that are kept of this service.`;
  }
  const length = lengthOf(headers["content-length"]);
  const isCoded = (headers["content-encoding"] ?? "identity").toLowerCase() !== "identity";
  // The length of a coded body may be that before or after the coding was taken off.
  const isKnown = length !== undefined && (!isCoded || length === body.length);
  if (!isKnown && CUT_AT.has(body.length)) {
    return `The answer has just the ${body.length} bytes after which the queue may cut, and no length that shows it whole.`;
  }
  if (!isKnown || length <= body.length) return undefined;
  return `The answer has ${length} bytes, of which the queue passed on ${body.length}.`;
}

/** A `Content-Length` that was sent more than once with one value is that value (RFC 9110, section 8.6). */
function lengthOf(value = ""): number | undefined {
  const [first = "", ...others] = value.split(",").map((one) => one.trim());
  return /^\d+$/.test(first) && others.every((one) => one === first) ? Number(first) : undefined;
}

function follow(
  service: Service,
  response: ServiceResponse,
  polled: boolean,
  again: (url: string) => Verdict,
): Verdict {
  const { headers, url } = response;
  const location = headers["operation-location"] ?? headers["location"];
  if (location === undefined) {
    if (polled) return again(url);
    return failed("poll-location-missing", "The service answered 202 and named no Location to poll.", false);
  }
  const target = pollTarget(service, location, url);
  if (target === undefined) {
    return failed("poll-location-refused", "The Location that the service named is not its own.", false);
  }
  return again(target);
}

/** A monitor that answers 200 all the time says in its JSON how far it is. */
function isPending(service: Service, { headers, body }: ServiceResponse): boolean {
  if (service.poll.pending.length === 0 || !JSON_TYPE.test(headers["content-type"] ?? "")) return false;
  const value = parseJson(textOf(body) ?? "");
  if (typeof value !== "object" || value === null || !("status" in value)) return false;
  const { status } = value;
  const isNamed = typeof status === "string" || typeof status === "number" || typeof status === "boolean";
  return isNamed && service.poll.pending.includes(String(status));
}

function retryAfterOf({ headers }: ServiceResponse, now: number): number | undefined {
  return parseRetryAfter(headers["retry-after"] ?? null, now);
}

function resultOf(service: Service, { status, headers, body }: ServiceResponse): HttpResult {
  const head = { status, headers: shownHeaders(service, headers) };
  if (body.length === 0) return { ...head, body: null };
  const type = headers["content-type"] ?? "";
  const text = TEXT.test(type) || type === "" ? textOf(body) : undefined;
  if (text === undefined) return { ...head, body: base64(body), bodyEncoding: "base64" };
  if (!JSON_TYPE.test(type)) return { ...head, body: text };
  const value = isExact(text) ? parseJson(text) : undefined;
  if (value === undefined) return { ...head, body: text };
  // A bare string or null would read like text or nothing.
  const isPlain = typeof value !== "string" && value !== null && JSON.stringify(value) === text;
  return { ...head, body: value, ...(!isPlain && { bodyText: text }) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // then it is text, with any declared type
  }
}
