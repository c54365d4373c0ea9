import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { RequestTooLarge, StorageTooNew, StoreUnavailable, Undecryptable } from "../../ports/errors.ts";
import { errorText } from "../../shared/log/error-text.ts";
import type { Log } from "../../shared/log/log.ts";
import { ApiError, PROBLEMS, undecryptable } from "../../shared/problems.ts";
import type { Problem } from "../../shared/schema/problem-schema.ts";
import type { Infer } from "../../shared/schema/schema.ts";
import type { Settings } from "../../shared/settings.ts";
import { rateHeaders, seconds } from "./headers.ts";
import type { Env } from "./route.ts";

/** How soon a client should retry after a database outage. */
const STORE_RETRY = 2_000;

/** The same when another version must answer: a rollout takes a while. */
const TOO_NEW_RETRY = 30_000;

/** The one place in which failures become problem details (RFC 9457). */
export function answerFailure(error: Error, c: Context<Env>, settings: Settings, log: Log): Response {
  if (error instanceof ApiError) return problem(c, error, settings);
  const context = { requestId: c.get("requestId"), method: c.req.method, path: pathOf(c) };
  if (error instanceof StorageTooNew) {
    log("error", "storage-too-new", { ...context, error: error.message });
    return problem(c, tooNew(), settings);
  }
  if (error instanceof StoreUnavailable) {
    log("warn", "store-unavailable", { ...context, error: error.message });
    return problem(c, unavailable(), settings);
  }
  if (error instanceof RequestTooLarge) {
    log("warn", "request-too-large", { ...context, error: error.message });
    return problem(c, tooLarge(), settings);
  }
  if (error instanceof Undecryptable) {
    log("error", "undecryptable", { ...context, error: error.message });
    return problem(c, undecryptable("The requested data"), settings);
  }
  const stack = errorText(error);
  log("error", "request-failed", { ...context, error: stack.split("\n", 1)[0], stack });
  return problem(c, new ApiError("internal-error", "Our log has the error under the request id."), settings);
}

/** A completion URL is a credential: it stays out of the log. */
function pathOf(c: Context<Env>): string {
  return c.req.path.replace(/\brbt_[\w-]+/, "rbt_…");
}

function tooNew(): ApiError {
  return new ApiError(
    "storage-too-new",
    "A newer version of the gateway has taken the database over. Nothing was changed; repeat the request.",
    { retryAfter: TOO_NEW_RETRY },
  );
}

function unavailable(): ApiError {
  return new ApiError(
    "temporarily-unavailable",
    "It is unknown whether the request took effect. Repeat it; with the same Idempotency-Key there will be one task.",
    { retryAfter: STORE_RETRY },
  );
}

function tooLarge(): ApiError {
  return new ApiError("payload-too-large", "The data to store is larger than Redis takes in one request.");
}

function problem(c: Context<Env>, refusal: ApiError, settings: Settings): Response {
  const body = problemBody(c, refusal, settings);
  return c.body(JSON.stringify(body), body.status as ContentfulStatusCode, {
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    ...headersOf(c, refusal, settings),
  });
}

/** Problem details of a refusal, as an answer's body or as a part of one. */
export function problemBody(c: Context<Env>, refusal: ApiError, settings: Settings): Infer<typeof Problem> {
  const { status, title } = PROBLEMS[refusal.code];
  return {
    type: `${settings.publicUrl}/problems/${refusal.code}`,
    title,
    status,
    detail: refusal.message,
    code: refusal.code,
    instance: settings.publicUrl + instanceOf(c),
    requestId: c.get("requestId"),
    ...(refusal.details.errors && { errors: refusal.details.errors }),
    ...refusal.details.members,
  };
}

/**
 * The path as it was sent: characters that a URI must not hold are escaped (RFC 9457, section 3.1.5; RFC 3986, section
 * 3.3).
 */
function instanceOf(c: Context<Env>): string {
  return new URL(c.req.url).pathname.replace(
    /[^\w\-.~!$&'()*+,;=:@%/]|%(?![0-9a-f]{2})/gi,
    encodeURIComponent,
  );
}

function headersOf(c: Context<Env>, refusal: ApiError, settings: Settings): Record<string, string> {
  const { retryAfter, rate, open } = refusal.details;
  const { status } = PROBLEMS[refusal.code];
  return {
    ...(retryAfter !== undefined && { "Retry-After": seconds(retryAfter) }),
    ...(status === 429 &&
      rateHeaders(rate ?? { limit: settings.rateLimit, remaining: 0, reset: retryAfter ?? 1_000 }, open)),
    // Both, the status and this header, end the retries of QStash (https://upstash.com/docs/qstash/features/retry).
    ...(refusal.code === "malformed-message" && { "Upstash-NonRetryable-Error": "true" }),
    ...challenge(c, refusal),
  };
}

/** The required credentials, and the error in those of the request (RFC 9110, section 11.6.1; RFC 6750, section 3). */
function challenge(c: Context<Env>, { code, details }: ApiError): Record<string, string> {
  const realm = 'Bearer realm="ringback"';
  if (code === "invalid-signature") return { "WWW-Authenticate": "Upstash-Signature" };
  if (code === "forbidden") {
    return { "WWW-Authenticate": `${realm}, error="insufficient_scope", scope="${details.scope ?? ""}"` };
  }
  if (code !== "unauthenticated") return {};
  return { "WWW-Authenticate": c.req.header("Authorization") ? `${realm}, error="invalid_token"` : realm };
}
