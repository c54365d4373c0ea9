/** The verdict of the guard on a URL that a client supplied: why it is refused, or undefined when it may be called. */
export interface UnsafeUrl {
  /** `unsafe-address`: a stable code that is stored with delivery attempts. */
  readonly code: "unsafe-address";
  /** One sentence for the client; names the rule, never an internal address that the client did not write. */
  readonly detail: string;
}

/** Judges the URLs that clients supply. */
export interface UrlJudge {
  /** The verdict on the URL alone. */
  checkUrl(url: string): UnsafeUrl | undefined;
  /**
   * The verdict after the host's name is resolved, for policy `strict`: one bad address refuses it.
   * @throws FetchFailure `dns-failed` without an answer: ResolverUnavailable when asking again may help
   */
  resolveAndCheck(url: string): Promise<UnsafeUrl | undefined>;
}

/** Calls URLs: the only way in which a client-supplied URL is requested. */
export interface HttpFetcher {
  /**
   * Sends one request.
   * @throws FetchFailure when it was refused, could not be made, or took too long.
   */
  fetch(url: string, init: GuardedInit): Promise<Response>;
  /**
   * Reads the beginning of a response's body as UTF-8, for so many milliseconds at most, and drops the rest; never
   * throws for faults of the body.
   */
  read(
    response: Response,
    maxBytes: number,
    patience: number,
  ): Promise<{ readonly text: string; readonly truncated: boolean }>;
}

/** The guarded fetch. */
export interface Fetcher extends UrlJudge, HttpFetcher {}

export interface GuardedInit {
  readonly method?: string;
  readonly headers?: HeadersInit;
  readonly body?: BodyInit;
  readonly signal?: AbortSignal;
  /** Milliseconds until the last hop's headers must be there, 60 000 unless set. */
  readonly timeout?: number;
  /** `manual` never follows (callbacks); `follow` judges every hop, 5 at most. */
  readonly redirect: "manual" | "follow";
}

/** Stable codes of what can go wrong before a response is there; `response-aborted` also while an attempt is made. */
export type FetchFailureCode =
  | "unsafe-address"
  | "dns-failed"
  | "connect-failed"
  | "tls-failed"
  | "timeout"
  | "redirect"
  | "response-aborted";

export class FetchFailure extends Error {
  override readonly name = "FetchFailure";
  readonly code: FetchFailureCode;

  constructor(code: FetchFailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The resolver did not answer for a name: another request may succeed. */
export class ResolverUnavailable extends FetchFailure {}
