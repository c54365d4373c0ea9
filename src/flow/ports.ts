/** The verdict of the guard on a URL that a client supplied: why it is refused, or undefined when it may be called. */
export interface UnsafeUrl {
  /** `unsafe-address`: a stable code that is stored with delivery attempts. */
  readonly code: "unsafe-address";
  /** One sentence for the client; names the rule, never an internal address that the client did not write. */
  readonly detail: string;
}

/** Judges URLs and calls them: the only way in which a client-supplied URL is ever requested. */
export interface Fetcher {
  /** What can be told from the URL alone. */
  judge(url: string): UnsafeUrl | undefined;
  /**
   * Sends one request.
   * @throws FetchFailure when it was refused, could not be made, or took too long.
   */
  fetch(url: string, init: GuardedInit): Promise<Response>;
}

export interface GuardedInit {
  readonly method?: string;
  readonly headers?: HeadersInit;
  readonly body?: BodyInit;
  readonly signal?: AbortSignal;
  /** `manual` never follows (callbacks); `follow` judges every hop, 5 at most. */
  readonly redirect: "manual" | "follow";
}

/** Stable codes of what can go wrong before a response is there. */
export type FetchFailureCode = "unsafe-address" | "dns-failed" | "connect-failed" | "tls-failed" | "timeout" | "redirect";

export class FetchFailure extends Error {
  override readonly name = "FetchFailure";
  readonly code: FetchFailureCode;

  constructor(code: FetchFailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
