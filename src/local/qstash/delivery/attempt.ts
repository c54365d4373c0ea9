import type { HeaderMap } from "../headers.ts";
import type { Message } from "../message.ts";
import type { LogDetails } from "../state/logs.ts";
import { retryDelay } from "./backoff.ts";
import type { Outcome } from "./http-sender.ts";
import { signDelivery } from "./signature.ts";

const NON_RETRYABLE_STATUS = 489;
const NON_RETRYABLE_HEADER = "Upstash-Nonretryable-Error";

/** The consequence of an attempt for its message; `at` is the unix time in milliseconds of the next one. */
export type Verdict =
  | { readonly kind: "delivered" }
  | { readonly kind: "dead" }
  | { readonly kind: "retry"; readonly at: number };

/** The headers of one attempt: the publisher's, and over them what QStash says (docs: howto/receiving). */
export function attemptHeader(message: Message, signingKey: string, region: string, now: number): HeaderMap {
  return {
    ...message.header,
    "User-Agent": ["Upstash-QStash"],
    "Upstash-Signature": [signDelivery(signingKey, message.url, message.body, now)],
    "Upstash-Message-Id": [message.messageId],
    "Upstash-Retried": [String(message.retried)],
    "Upstash-Region": [region],
    ...(message.callerIP === undefined ? {} : { "Upstash-Caller-Ip": [message.callerIP] }),
    ...(message.scheduleId === undefined ? {} : { "Upstash-Schedule-Id": [message.scheduleId] }),
  };
}

/** 2xx is a delivery; everything else is tried again as often as the publisher asked for (docs: features/retry). */
export function classifyOutcome(message: Message, outcome: Outcome, now: number): Verdict {
  if (outcome.kind === "answered" && outcome.status >= 200 && outcome.status <= 299)
    return { kind: "delivered" };
  if (message.retried >= message.maxRetries || isNonRetryable(outcome)) return { kind: "dead" };
  const response = outcome.kind === "answered" ? outcome.header : undefined;
  const delay = retryDelay(message.retried, message.retryDelayExpression, response, now);
  return { kind: "retry", at: Math.ceil(now + delay) };
}

function isNonRetryable(outcome: Outcome): boolean {
  if (outcome.kind !== "answered" || outcome.status !== NON_RETRYABLE_STATUS) return false;
  return outcome.header[NON_RETRYABLE_HEADER]?.[0]?.toLowerCase() === "true";
}

/** The log's text about an attempt that failed. */
export function errorDetails(outcome: Outcome, nextDeliveryTime?: number): LogDetails {
  if (outcome.kind === "failed") return { error: outcome.error, nextDeliveryTime };
  return {
    error: `destination answered ${outcome.status}`,
    nextDeliveryTime,
    responseStatus: outcome.status,
    responseBody: outcome.body.toString("base64"),
    responseHeaders: outcome.header,
  };
}
