/** The methods that a service may be called with: those that QStash knows. */
export const SERVICE_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

export type ServiceMethod = (typeof SERVICE_METHODS)[number];

/**
 * The meaning of a service's 202: `none`, the work is done like with every other 2xx; `token`, the service finishes the
 * task later by the token that it was given; `poll`, its `Location` is asked until the work is done.
 */
export type Completion = "none" | "token" | "poll";

/** A service that the deployer has configured; durations in milliseconds, sizes in bytes. */
export interface Service {
  readonly name: string;
  /** Without a slash at the end; every path lies below it. */
  readonly baseUrl: string;
  readonly methods: readonly ServiceMethod[];
  /** A path must begin with one of these. */
  readonly paths: readonly string[];
  /** Sent with every call and never shown: names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Headers, in lower case, that the proxy passes on in addition to the common ones. */
  readonly requestHeaders: readonly string[];
  /** Headers of the answer, in lower case, that the client sees in addition to the common ones. */
  readonly responseHeaders: readonly string[];
  /** One call. */
  readonly timeout: number;
  /** Calls after the first. */
  readonly retries: number;
  /** Calls in flight. */
  readonly concurrency?: number;
  readonly completion: Completion;
  readonly poll: {
    /** Milliseconds between two polls, when the service names no `Retry-After`. */
    readonly interval: number;
    /** Values of the `status` in a 200's JSON that mean: not yet. */
    readonly pending: readonly string[];
  };
  /** A larger answer fails the task. */
  readonly responseLimit: number;
}

/** No answer may be configured to be larger: it has to pass QStash and Redis, a third longer in base64. */
export const MAX_RESPONSE = 5 * 1024 * 1024;

/** No call may be configured to last longer: the most that QStash's plans wait. */
export const MAX_SERVICE_TIMEOUT = 12 * 3_600_000;
