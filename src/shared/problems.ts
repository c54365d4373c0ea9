/**
 * Every refusal that a client can meet: its HTTP status and its title. docs/reference/errors.md says what to do about
 * each.
 */
export const PROBLEMS = {
  "malformed-json": { status: 400, title: "The body is not valid JSON" },
  "idempotency-key-required": { status: 400, title: "This project requires an Idempotency-Key" },
  "malformed-idempotency-key": { status: 400, title: "The Idempotency-Key header is malformed" },
  "respond-async-required": { status: 400, title: "Services are called only asynchronously" },
  "project-required": { status: 400, title: "The admin must name a project" },
  "malformed-parameter": { status: 400, title: "A query parameter is malformed" },
  unauthenticated: { status: 401, title: "No valid API key" },
  "invalid-signature": { status: 401, title: "The request is not signed by the queue" },
  forbidden: { status: 403, title: "The API key lacks a scope" },
  "not-found": { status: 404, title: "There is no such thing here" },
  "method-not-allowed": { status: 405, title: "The method is not offered here" },
  "task-not-succeeded": { status: 409, title: "The task did not succeed" },
  "task-already-ended": { status: 409, title: "The task has already ended" },
  "task-not-ended": { status: 409, title: "The task has not ended" },
  "task-history-full": { status: 409, title: "The task was run too often" },
  "task-token-stale": { status: 409, title: "The task token is of an earlier run or attempt" },
  "endpoint-closed": { status: 409, title: "The endpoint receives no events now" },
  "endpoint-limit-reached": { status: 409, title: "The project has reached its limit of endpoints" },
  "too-many-secrets": { status: 409, title: "The limit of signing secrets is reached" },
  "delivery-pending": { status: 409, title: "The delivery is still on its way" },
  "task-over": { status: 410, title: "The task is over" },
  "input-expired": { status: 410, title: "The task's input is no longer kept" },
  "result-expired": { status: 410, title: "The result is no longer kept" },
  undecryptable: { status: 410, title: "The stored data can no longer be decrypted" },
  "payload-too-large": { status: 413, title: "The body is too large" },
  "unsupported-media-type": { status: 415, title: "The body must be JSON" },
  "invalid-request": { status: 422, title: "The request does not fit its schema" },
  "metadata-not-searchable": { status: 422, title: "The project is not searched by this metadata key" },
  "nothing-accepted": { status: 422, title: "No task of the batch was accepted" },
  "unknown-task-type": { status: 422, title: "No such task type" },
  "unsafe-callback-url": { status: 422, title: "The callback URL may not be called" },
  "unsafe-url": { status: 422, title: "A URL in the input may not be called" },
  "verification-failed": { status: 422, title: "The receiver did not agree to be sent events" },
  "idempotency-key-reused": { status: 422, title: "The Idempotency-Key was used for another request" },
  "rate-limited": { status: 429, title: "Too many requests at once" },
  "quota-exceeded": { status: 429, title: "Too many open tasks" },
  "malformed-message": { status: 489, title: "The queue's message is malformed" },
  "internal-error": { status: 500, title: "Something went wrong on our side" },
  "unknown-project": { status: 404, title: "No such project" },
  "cross-site-request": { status: 403, title: "Not a request of the app's own pages" },
  misconfigured: { status: 503, title: "The gateway lacks a part of its configuration" },
  "not-yet": { status: 503, title: "The queue's message comes too early" },
  "storage-too-new": { status: 503, title: "The database is of a newer version of the gateway" },
  "temporarily-unavailable": { status: 503, title: "The gateway cannot reach Redis or QStash" },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly title: string }>>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One fault in a request: where (a JSON pointer as URI fragment, `#/input/csv`) and what. */
export interface ValidationError {
  readonly pointer: string;
  readonly detail: string;
}

export interface ApiErrorDetails {
  readonly errors?: readonly ValidationError[];
  /** Milliseconds after which trying again makes sense. */
  readonly retryAfter?: number;
  /** The state of the project's rate, for the `RateLimit` header; of submits, unless the policy says otherwise. */
  readonly rate?: {
    readonly policy?: "read";
    readonly limit: number;
    readonly remaining: number;
    readonly reset: number;
  };
  /** The scope that the key lacks. */
  readonly scope?: string;
  /** Members of the problem in addition to the standard's own. */
  readonly members?: Readonly<Record<string, unknown>>;
  /** How many tasks the project may have open, when it has as many. */
  readonly open?: number;
}

/** An expected failure: turned into problem details (RFC 9457) in exactly one place. */
export class ApiError extends Error {
  override readonly name = "Refusal";
  readonly code: ProblemCode;
  readonly details: ApiErrorDetails;

  constructor(code: ProblemCode, detail: string, details: ApiErrorDetails = {}) {
    super(detail);
    this.code = code;
    this.details = details;
  }
}

/** The refusal for data that is encrypted under a lost master secret. */
export function undecryptable(what: string): ApiError {
  return new ApiError("undecryptable", `${what} lies encrypted, and no configured master secret opens it.`);
}
