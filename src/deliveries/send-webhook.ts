import { MEDIA } from "../events/serialize-event.ts";
import type { NewDelivery } from "../ports/commands/delivery.ts";
import type { Dependencies } from "../ports/dependencies.ts";
import { FetchFailure, type HttpFetcher } from "../ports/fetcher.ts";
import { fault } from "../shared/fault-point.ts";
import { RESPONSE_LIMIT, RESPONSE_PATIENCE } from "../shared/limits.ts";
import { parseRetryAfter } from "../shared/time/retry-after.ts";
import { traceFrom, traceHeaders } from "../shared/trace/trace-context.ts";
import type { DeliveryAttempt } from "../tasks/record.ts";
import { timestamp } from "../tasks/view.ts";
import type { Destination } from "./destination.ts";

/** The parts that one webhook request uses. */
export type WebhookParts = Pick<Dependencies, "settings" | "sign"> & { readonly fetcher: HttpFetcher };

/** One event for one receiver, ready to be sent. */
export interface OutboundWebhook
  extends Pick<
    NewDelivery,
    "taskId" | "batchId" | "eventId" | "eventType" | "endpointId" | "format" | "body" | "trace" | "once"
  > {
  /** The destination when it was opened; an endpoint's current address takes precedence. */
  readonly url: string;
  /** Its body cannot be decrypted. */
  readonly undecryptable?: true;
}

/** How an attempt ended. */
export interface AttemptResult {
  readonly log: DeliveryAttempt;
  readonly delivered: boolean;
  /** The receiver wants nothing more of this event. */
  readonly final: boolean;
  /** The receiver wants no more events at all, and said so in this way. */
  readonly disable?: DisableReason;
  /** The request was made; absent: nothing was to be sent. */
  readonly tried?: boolean;
  /** Milliseconds that the receiver asked us to wait. */
  readonly retryAfter?: number;
}

/**
 * Sends one Standard Webhooks POST, signed for this attempt, and returns its outcome; never throws for a fault of the
 * receiver. Status and headers decide; the body only changes the stored excerpt.
 *
 * @param time Redis time
 * @param patience milliseconds that the body is waited for, within the attempt's own time
 */
export async function attemptDelivery(
  deps: WebhookParts,
  webhook: Pick<OutboundWebhook, "eventId" | "format" | "body" | "trace">,
  destination: Destination,
  time: () => number,
  patience = RESPONSE_PATIENCE,
): Promise<AttemptResult> {
  const { callbackTimeout } = deps.settings;
  const startedAt = time();
  const finish = (
    rest: Omit<DeliveryAttempt, "at" | "durationMs" | "url">,
    steer: Partial<Pick<AttemptResult, "final" | "disable" | "retryAfter">> = {},
  ): AttemptResult => ({
    log: {
      at: timestamp(startedAt),
      durationMs: Math.max(0, Math.round(time() - startedAt)),
      url: destination.url,
      ...rest,
    },
    delivered: rest.error === undefined,
    final: false,
    tried: true,
    ...steer,
  });
  let response: Response;
  try {
    response = await deps.fetcher.fetch(destination.url, {
      method: "POST",
      headers: await headersOf(deps, webhook, destination, startedAt),
      body: fault("thawed-body") ? `${webhook.body}${" ".repeat(startedAt % 7)}` : webhook.body,
      redirect: "manual",
      timeout: callbackTimeout,
    });
  } catch (error) {
    if (!(error instanceof FetchFailure)) throw error;
    if (fault("wishful")) return finish({});
    return finish({ error: { code: error.code, message: error.message } });
  }
  const { status: statusCode, headers } = response;
  const error = errorOf(statusCode);
  const steer = steering(response);
  const retryAfter = error && parseRetryAfter(headers.get("retry-after"), time());
  const left = startedAt + callbackTimeout - time();
  const { text } = await deps.fetcher.read(response, RESPONSE_LIMIT, Math.min(patience, Math.max(0, left)));
  return finish(
    { statusCode, ...(error && { error }), ...(text !== "" && { response: text }) },
    { ...steer, ...(retryAfter !== undefined && { retryAfter }) },
  );
}

async function headersOf(
  deps: WebhookParts,
  webhook: Pick<OutboundWebhook, "eventId" | "format" | "body" | "trace">,
  { headers, secrets }: Destination,
  now: number,
): Promise<Record<string, string>> {
  const sentAt = Math.floor(now / 1_000);
  const signedAt = fault("foreign-time") ? sentAt + 1 : sentAt;
  return {
    ...headers,
    "content-type": MEDIA[webhook.format],
    "user-agent": `Ringback/${deps.settings.version}`,
    "webhook-id": webhook.eventId,
    "webhook-timestamp": String(sentAt),
    "webhook-signature": await deps.sign(secrets, webhook.eventId, signedAt, webhook.body),
    ...traceHeaders(traceFrom({ id: webhook.eventId, trace: webhook.trace })),
  };
}

/** The reasons for which a receiver's answer disables its endpoint. */
export type DisableReason = "gone" | "receiver";

/** Decisions of the receiver: 410, or `webhook-delivery: disable` for all events, `abort-message` for this one. */
function steering({ status, headers }: Response): Pick<AttemptResult, "final" | "disable"> {
  // A header that was sent more than once is a list.
  const asked = headers
    .get("webhook-delivery")
    ?.toLowerCase()
    .split(",")
    .map((one) => one.trim());
  if (status === 410) return { final: true, disable: "gone" };
  if (asked?.includes("disable")) return { final: true, disable: "receiver" };
  return { final: asked?.includes("abort-message") === true };
}

/** The side at fault for a status; undefined for success (2xx alone). */
function errorOf(status: number): { code: string; message: string } | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status < 200)
    return { code: "response-aborted", message: `The receiver answered ${status}, and nothing after it.` };
  if (status >= 300 && status < 400)
    return { code: "redirect", message: `The receiver answered ${status}; redirects are not followed.` };
  if (status === 410) return { code: "gone", message: "The receiver answered 410: it wants no more." };
  if (status >= 400 && status < 500) return { code: "http-4xx", message: `The receiver answered ${status}.` };
  return { code: "http-5xx", message: `The receiver answered ${status}.` };
}
