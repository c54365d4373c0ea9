import { closed, type DestinationParts, toEndpoint } from "../deliveries/destination.ts";
import { type AttemptResult, attemptDelivery, type WebhookParts } from "../deliveries/send-webhook.ts";
import type { TestData, VerificationData } from "../events/schema.ts";
import { type SerializeParts, write } from "../events/serialize-event.ts";
import type { Dependencies } from "../ports/dependencies.ts";
import { FetchFailure, type HttpFetcher } from "../ports/fetcher.ts";
import { type ConfigureParts, foundIn, readConfiguration } from "../projects/configure.ts";
import type { Client } from "../projects/principal.ts";
import type { Endpoint, ProjectConfig } from "../projects/project-config.ts";
import { makeId, partitionOf } from "../shared/id.ts";
import type { Idempotency } from "../shared/idempotency.ts";
import { ApiError } from "../shared/problems.ts";
import { redisTime } from "../shared/time/redis-clock.ts";
import { type EndpointParts, type FoundEndpoint, noteEndpoint } from "./manage-endpoints.ts";

/** The parts that the verification of an endpoint uses. */
type VerifyParts = DestinationParts &
  WebhookParts &
  EndpointParts &
  SerializeParts &
  ConfigureParts &
  Pick<Dependencies, "clock" | "settings"> & { readonly fetcher: HttpFetcher };

/** How an endpoint's receiver proves that it wants the events. */
export type Proof = "challenge" | "cloudevents";

/**
 * Asks an endpoint's receiver whether it wants our events: by a signed event whose challenge it must echo, or by the
 * handshake of the CloudEvents HTTP webhook specification (section 4). Nothing else is sent before it agrees.
 *
 * @throws ApiError `verification-failed` describes the wrong answer
 */
export async function verifyEndpoint(
  ctx: VerifyParts,
  caller: Client,
  id: string,
  proof: Proof,
  idempotency?: Idempotency,
): Promise<FoundEndpoint & { readonly replayed: boolean }> {
  const { config, now, replayed } = await readConfiguration(ctx, caller, "endpoints:write", idempotency);
  const endpoint = foundIn(config, id);
  if (replayed) return { endpoint, now, replayed };
  const allowedRate =
    proof === "cloudevents"
      ? await cloudEventsHandshake(ctx, endpoint)
      : await challenge(ctx, caller.project, config, endpoint, now);
  const noted = await noteEndpoint(
    ctx,
    caller,
    endpoint,
    { scope: "endpoints:write", idempotency },
    ({ allowedRate: _before, ...rest }, at) => ({
      ...rest,
      verifiedAt: at,
      ...(allowedRate !== undefined && { allowedRate }),
    }),
  );
  return { endpoint: foundIn(noted.config, id), now: noted.now, replayed: noted.replayed };
}

/** Sends an `endpoint.test` event, once, and returns its outcome. @throws ApiError */
export async function testEndpoint(ctx: VerifyParts, caller: Client, id: string) {
  const { config, now } = await readConfiguration(ctx, caller, "endpoints:write");
  const endpoint = foundIn(config, id);
  const refused = closed(endpoint);
  if (refused) throw new ApiError("endpoint-closed", refused.message);
  const data = { message: "This is a test: the endpoint receives events." };
  return sendOnce(ctx, caller.project, config, endpoint, { type: "endpoint.test", data }, now);
}

async function challenge(
  ctx: VerifyParts,
  project: string,
  config: ProjectConfig,
  endpoint: Endpoint,
  now: number,
): Promise<undefined> {
  const secret = crypto.randomUUID();
  const data = { challenge: secret };
  const { attempt } = await sendOnce(
    ctx,
    project,
    config,
    endpoint,
    { type: "endpoint.verification", data },
    now,
  );
  if (attempt.error) throw failed(attempt.error.message);
  if (!echoes(attempt.response ?? "", secret)) {
    throw failed(`The receiver answered ${attempt.statusCode}, but its body does not repeat the challenge.`);
  }
}

/** As JSON `{"challenge": …}`, or as plain text. */
function echoes(body: string, secret: string): boolean {
  const text = body.trim();
  if (text === secret) return true;
  try {
    const json: unknown = JSON.parse(text);
    return (
      json === secret ||
      (typeof json === "object" && (json as { challenge?: unknown } | null)?.challenge === secret)
    );
  } catch {
    return false; // neither the text nor JSON
  }
}

type AboutEndpoint = "project" | "endpointId";

/** An event that is sent on request. */
type OwnEvent =
  | { readonly type: "endpoint.verification"; readonly data: Omit<VerificationData, AboutEndpoint> }
  | { readonly type: "endpoint.test"; readonly data: Omit<TestData, AboutEndpoint> };

/** Makes one attempt outside all schedules. The event's id is made before it is first sent. */
async function sendOnce(
  deps: VerifyParts,
  project: string,
  config: ProjectConfig,
  endpoint: Endpoint,
  own: OwnEvent,
  now: number,
): Promise<{
  readonly eventId: string;
  readonly delivered: boolean;
  readonly attempt: AttemptResult["log"];
}> {
  const time = redisTime(now, deps.clock);
  const random = crypto.getRandomValues(new Uint8Array(8));
  const eventId = makeId("evt", now, partitionOf(project), random);
  const { id, format } = endpoint;
  const data = { project, endpointId: id, ...own.data };
  const body = write(deps, { id: eventId, type: own.type, at: now, subject: id, data }, format);
  const destination = await toEndpoint(deps, project, config, endpoint, now);
  const message = { eventId, format, body };
  const { callbackTimeout } = deps.settings; // the whole body is needed: it repeats the challenge
  const { log, delivered } = await attemptDelivery(deps, message, destination, time, callbackTimeout);
  return { eventId, delivered, attempt: log };
}

/**
 * CloudEvents HTTP 1.1 Web Hooks, section 4.1: consent is in the answer's headers, with any status.
 *
 * @returns deliveries per minute that the receiver allows; undefined when it sets no limit
 */
async function cloudEventsHandshake(
  { fetcher, settings }: VerifyParts,
  { url, rateLimit }: Endpoint,
): Promise<number | undefined> {
  const origin = new URL(settings.publicUrl).hostname;
  let response: Response;
  try {
    response = await fetcher.fetch(url, {
      method: "OPTIONS",
      headers: {
        "WebHook-Request-Origin": origin,
        "WebHook-Request-Rate": rateLimit === undefined ? "*" : `${rateLimit * 60}`,
      },
      redirect: "manual",
      timeout: settings.callbackTimeout,
    });
  } catch (error) {
    if (!(error instanceof FetchFailure)) throw error;
    throw failed(error.message);
  }
  void response.body?.cancel().catch(() => undefined); // only its headers count
  const allowed = response.headers.get("WebHook-Allowed-Origin")?.trim().toLowerCase();
  if (allowed !== "*" && allowed !== origin.toLowerCase()) {
    throw failed(`The receiver does not allow "${origin}" in WebHook-Allowed-Origin.`);
  }
  const rate = response.headers.get("WebHook-Allowed-Rate")?.trim() ?? "*";
  if (rate === "*") return undefined;
  if (!/^[1-9]\d{0,8}$/.test(rate)) throw failed("WebHook-Allowed-Rate is neither a number nor *.");
  return Number(rate);
}

function failed(detail: string): ApiError {
  return new ApiError("verification-failed", detail);
}
