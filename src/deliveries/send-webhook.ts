import type { Format } from "../endpoints/endpoint.ts";
import { RESPONSE_LIMIT, RESPONSE_PATIENCE } from "../shared/limits.ts";
import { type DeliveryAttempt, traceHeaders } from "../tasks/record.ts";
import { parseRetryAfter } from "../shared/retry-schedule.ts";
import { timestamp } from "../tasks/view.ts";
import { MEDIA } from "../events/serialize-event.ts";
import type { Destination } from "./destination.ts";
import type { Parts } from "../ports/dependencies.ts";
import { FetchFailure } from "../ports/ports.ts";

/** One event for one receiver, ready to be sent. */
export interface Parcel {
  readonly taskId: string;
  readonly eventId: string;
  readonly eventType: string;
  /** Where it was to go when it was opened; an endpoint's address of now counts. */
  readonly url: string;
  readonly endpointId?: string;
  readonly format: Format;
  readonly body: string;
  /** Nothing opens its body. */
  readonly undecryptable?: true;
  readonly trace?: string;
  /** One attempt alone: what comes after has overtaken it. */
  readonly once?: boolean;
}

/** How an attempt ended. */
export interface Attempted {
  readonly log: DeliveryAttempt;
  readonly delivered: boolean;
  /** The receiver wants nothing more of this event. */
  readonly final: boolean;
  /** The receiver wants nothing more at all, and says so this way. */
  readonly disable?: Disabling;
  /** It was tried; absent: nothing was to be sent. */
  readonly tried?: boolean;
  /** Milliseconds that the receiver asked us to wait. */
  readonly retryAfter?: number;
}

/**
 * Sends one Standard Webhooks POST, signed for this attempt, and says how it went; never throws for what the
 * receiver did. Status and headers decide: what the body does then changes only what is kept of it.
 *
 * @param time Redis time
 * @param patience milliseconds that the body is waited for, within the attempt's own time
 */
export async function attemptDelivery(
  parts: Parts,
  parcel: Pick<Parcel, "eventId" | "format" | "body" | "trace">,
  destination: Destination,
  time: () => number,
  patience = RESPONSE_PATIENCE,
): Promise<Attempted> {
  const startedAt = time();
  const finish = (
    rest: Omit<DeliveryAttempt, "at" | "durationMs" | "url">,
    steer: Partial<Pick<Attempted, "final" | "disable" | "retryAfter">> = {},
  ): Attempted => ({
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
    response = await parts.fetcher.fetch(destination.url, {
      method: "POST",
      headers: await headersOf(parts, parcel, destination, startedAt),
      body: parcel.body,
      redirect: "manual",
      signal: AbortSignal.timeout(parts.settings.callbackTimeout),
    });
  } catch (error) {
    if (!(error instanceof FetchFailure)) throw error;
    return finish({ error: { code: error.code, message: error.message } });
  }
  const { status: statusCode, headers } = response;
  const error = errorOf(statusCode);
  const steer = steering(response);
  const retryAfter = error && parseRetryAfter(headers.get("retry-after"), time());
  const { text } = await parts.fetcher.read(response, RESPONSE_LIMIT, patience);
  return finish(
    { statusCode, ...(error && { error }), ...(text !== "" && { response: text }) },
    { ...steer, ...(retryAfter !== undefined && { retryAfter }) },
  );
}

async function headersOf(
  parts: Parts,
  parcel: Pick<Parcel, "eventId" | "format" | "body" | "trace">,
  { headers, secrets }: Destination,
  now: number,
): Promise<Record<string, string>> {
  const sentAt = Math.floor(now / 1_000);
  return {
    ...headers,
    "content-type": MEDIA[parcel.format],
    "user-agent": `Ringback/${parts.settings.version}`,
    "webhook-id": parcel.eventId,
    "webhook-timestamp": String(sentAt),
    "webhook-signature": await parts.sign(secrets, parcel.eventId, sentAt, parcel.body),
    ...traceHeaders(parcel.trace),
  };
}

/** Why an endpoint is disabled by what its receiver answered. */
export type Disabling = "gone" | "receiver";

/** What the receiver decides: 410, or `webhook-delivery: disable` for all, `abort-message` for this event. */
function steering({ status, headers }: Response): Pick<Attempted, "final" | "disable"> {
  const asked = headers.get("webhook-delivery")?.trim().toLowerCase();
  if (status === 410) return { final: true, disable: "gone" };
  if (asked === "disable") return { final: true, disable: "receiver" };
  return { final: asked === "abort-message" };
}

/** Whose fault a status tells of, or undefined for success (2xx alone). */
function errorOf(status: number): { code: string; message: string } | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status >= 300 && status < 400)
    return { code: "redirect", message: `The receiver answered ${status}; redirects are not followed.` };
  if (status === 410) return { code: "gone", message: "The receiver answered 410: it wants no more." };
  if (status >= 400 && status < 500) return { code: "http-4xx", message: `The receiver answered ${status}.` };
  return { code: "http-5xx", message: `The receiver answered ${status}.` };
}
