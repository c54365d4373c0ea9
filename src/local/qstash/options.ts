import { validateHeaderName, validateHeaderValue } from "node:http";
import { evaluateRetryDelay } from "./delivery/expression.ts";
import type { Plan } from "./delivery/plan.ts";
import { LONGEST_RATE_PERIOD } from "./delivery/plan.ts";
import { parseGoDuration } from "./duration.ts";
import { badRequest, overLimit } from "./errors.ts";
import type { HeaderMap, HeaderPairs } from "./headers.ts";
import { stripPrefix, toHeaderMap } from "./headers.ts";
import type { CallbackTarget, FlowLimits, MessageSettings } from "./message.ts";

type NamedSettings = { readonly [K in keyof Omit<MessageSettings, "body">]?: MessageSettings[K] | undefined };

/** The settings that the headers of a request name; what they don't name is absent. */
export interface PublishOptions extends NamedSettings {
  /** Unix milliseconds of the first attempt. */
  readonly notBefore?: number | undefined;
  readonly deduplicationId?: string | undefined;
  readonly contentBasedDeduplication?: boolean | undefined;
}

const METHODS = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);

/** Options that QStash heeds and this stand-in cannot: refused, because ignoring them would hide their effect. */
const NOT_OFFERED = ["upstash-queue-name", "upstash-header-forward"];

type Lookup = (name: string) => string | undefined;

function lookup(pairs: HeaderPairs): Lookup {
  const values = new Map<string, string>();
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase();
    if (!values.has(lower)) values.set(lower, value);
  }
  return (name) => values.get(name) || undefined;
}

function parse<T>(get: Lookup, name: string, read: (text: string) => T | undefined): T | undefined {
  const text = get(name);
  if (text === undefined) return undefined;
  const value = read(text.trim());
  if (value === undefined) throw badRequest(`invalid value for ${name}: ${text}`);
  return value;
}

const readInteger = (text: string): number | undefined =>
  /^\d{1,15}$/.test(text) ? Number(text) : undefined;
const readMethod = (text: string) => (METHODS.has(text.toUpperCase()) ? text.toUpperCase() : undefined);
const readList = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

function readExpression(text: string): string | undefined {
  try {
    evaluateRetryDelay(text, 0);
    return text;
  } catch (error) {
    if (error instanceof SyntaxError) throw badRequest(`invalid retry delay expression: ${error.message}`);
    throw error;
  }
}

/** The URL as it was given when it is an absolute http(s) one. */
export function checkUrl(text: string, what: string): string {
  if (!/^https?:\/\//i.test(text)) {
    throw badRequest(`invalid ${what} url: endpoint has invalid scheme, add http:// or https://`);
  }
  if (!URL.canParse(text)) throw badRequest(`invalid ${what} url: unable to parse`);
  return text;
}

function readFlowLimits(text: string): FlowLimits {
  const refusal = badRequest(
    "Upstash-Flow-Control-Value should be either rate=X or parallelism=Y, or both as comma-separated values",
  );
  const limits: { parallelism?: number; rate?: number; period?: number } = {};
  for (const part of readList(text)) {
    const [name, value = ""] = part.split("=").map((side) => side.trim());
    const amount =
      name === "period" && !/^\d+$/.test(value) ? (parseGoDuration(value) ?? 0) / 1_000 : readInteger(value);
    if (!amount || (name !== "parallelism" && name !== "rate" && name !== "period")) throw refusal;
    limits[name] = amount;
  }
  if (limits.rate === undefined && limits.parallelism === undefined) throw refusal;
  if (limits.rate !== undefined) limits.period ??= 1;
  if ((limits.period ?? 0) * 1_000 > LONGEST_RATE_PERIOD)
    throw badRequest("flow control period exceeds 1 week");
  return limits;
}

function readFlowControl(get: Lookup): Pick<MessageSettings, "flowControlKey" | "flowLimits"> {
  const key = get("upstash-flow-control-key");
  const value = get("upstash-flow-control-value");
  if (key === undefined && value === undefined) return {};
  if (key === undefined)
    throw badRequest("Upstash-Flow-Control-Key is required with Upstash-Flow-Control-Value");
  return { flowControlKey: key, flowLimits: readFlowLimits(value ?? "") };
}

function readCallback(
  pairs: HeaderPairs,
  get: Lookup,
  prefix: string,
  plan: Plan,
): CallbackTarget | undefined {
  const url = get(prefix);
  if (url === undefined) return undefined;
  // Since March 2025 the service refuses delayed callbacks when the message is published (docs: changelog).
  if (get(`${prefix}-delay`) !== undefined) throw badRequest(`${prefix}-delay is not supported`);
  return {
    url: checkUrl(url, "callback"),
    method: parse(get, `${prefix}-method`, readMethod) ?? "POST",
    header: checkHeader(toHeaderMap(stripPrefix(pairs, `${prefix}-forward-`))),
    retries: parse(get, `${prefix}-retries`, readInteger),
    retryDelayExpression: parse(get, `${prefix}-retry-delay`, readExpression),
    timeout: readTimeout(get, `${prefix}-timeout`, plan),
  };
}

/** A timeout can only shorten what the plan allows. */
function readTimeout(get: Lookup, name: string, plan: Plan): number | undefined {
  const timeout = parse(get, name, (text) => parseGoDuration(text) ?? secondsOf(text));
  return timeout === undefined ? undefined : Math.min(timeout, plan.maxResponseDuration);
}

const secondsOf = (text: string): number | undefined => {
  const seconds = readInteger(text);
  return seconds === undefined ? undefined : seconds * 1_000;
};

function readNotBefore(get: Lookup, plan: Plan, now: number): number | undefined {
  const notBefore = parse(get, "upstash-not-before", secondsOf);
  const delay = parse(get, "upstash-delay", (text) => parseGoDuration(text) ?? secondsOf(text));
  const start = notBefore ?? (delay === undefined ? undefined : now + delay);
  if (start !== undefined && start - now > plan.maxDelay) throw overLimit("maximum delay exceeded");
  return start;
}

function readHeader(pairs: HeaderPairs, get: Lookup): PublishOptions["header"] {
  const header = toHeaderMap(stripPrefix(pairs, "upstash-forward-"));
  // The content type is the publish request's own: a forwarded one is not honoured.
  const contentType = get("content-type");
  delete header["Content-Type"];
  if (contentType !== undefined) header["Content-Type"] = [contentType];
  return checkHeader(header);
}

/** Values from JSON or the query may hold characters that no header can: refused now rather than at each attempt. */
function checkHeader(header: HeaderMap): HeaderMap {
  for (const [name, values] of Object.entries(header)) {
    try {
      validateHeaderName(name);
      for (const value of values) validateHeaderValue(name, value);
    } catch (error) {
      if (error instanceof TypeError) throw badRequest(`invalid header: ${JSON.stringify(name)}`);
      throw error;
    }
  }
  return header;
}

function readDeduplicationId(get: Lookup): string | undefined {
  const id = get("upstash-deduplication-id");
  if (id?.includes(":")) throw badRequest("DeduplicationId cannot contain ':'");
  return id;
}

/**
 * Reads how a message is to be sent from the headers of a publish request (docs: api/publish).
 *
 * @throws QStashError 400 for a header that makes no sense, 412 for one beyond the plan.
 */
export function readOptions(pairs: HeaderPairs, plan: Plan, now: number): PublishOptions {
  const get = lookup(pairs);
  for (const name of NOT_OFFERED) {
    if (get(name) !== undefined) throw badRequest(`${name} is not offered by this stand-in`);
  }
  return {
    method: parse(get, "upstash-method", readMethod),
    header: readHeader(pairs, get),
    notBefore: readNotBefore(get, plan, now),
    maxRetries: parse(get, "upstash-retries", readInteger),
    retryDelayExpression: parse(get, "upstash-retry-delay", readExpression),
    timeout: readTimeout(get, "upstash-timeout", plan),
    callback: readCallback(pairs, get, "upstash-callback", plan),
    failureCallback: readCallback(pairs, get, "upstash-failure-callback", plan),
    deduplicationId: readDeduplicationId(get),
    contentBasedDeduplication: get("upstash-content-based-deduplication")?.toLowerCase() === "true",
    labels: parse(get, "upstash-label", readList),
    redact: parse(get, "upstash-redact-fields", readList),
    ...readFlowControl(get),
  };
}
