import type { Problem, ValidationError } from "./types.ts";

/** The facts about a request that failed. */
interface Failure {
  readonly code: string;
  readonly detail: string;
  readonly status?: number;
  readonly retryAfter?: number | undefined;
  readonly requestId?: string | undefined;
  readonly problem?: Problem | undefined;
  readonly cause?: unknown;
}

/** A request that the gateway refused, or that did not reach it. */
export class RingbackError extends Error {
  override readonly name = "RingbackError";
  /**
   * Stable. A problem code of the gateway; or, with status 0, one of this client: `unreachable`, `timeout`. An answer
   * that no gateway gives is `unexpected-answer`, with its status.
   */
  readonly code: string;
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** One sentence for people. */
  readonly detail: string;
  /** For `invalid-request` and unsafe URLs: each fault, with its JSON pointer. */
  readonly errors: readonly ValidationError[];
  /** Finds the request in the gateway's log. */
  readonly requestId: string | undefined;
  /** Milliseconds after which trying again makes sense, when the gateway said so. */
  readonly retryAfter: number | undefined;
  /** The whole problem (RFC 9457), with the members that only some codes have. */
  readonly problem: Problem | undefined;

  constructor({ code, detail, status = 0, retryAfter, requestId, problem, cause }: Failure) {
    const errors = problem?.errors ?? [];
    const faults = errors.map((one) => ` (${one.pointer} ${one.detail})`).join("");
    super(`${code}: ${detail}${faults}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.errors = errors;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
    this.problem = problem;
  }
}
