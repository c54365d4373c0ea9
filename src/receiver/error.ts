/** Why a callback is not accepted, and the status to answer it with. */
const STATUS = {
  /** One of the headers `webhook-id`, `webhook-timestamp`, `webhook-signature` is missing: not sent by a gateway. */
  "missing-headers": 400,
  /** `webhook-timestamp` is not a number of seconds. */
  "malformed-headers": 400,
  /** Sent longer ago than is tolerated, or the receiver's clock is ahead. */
  "too-old": 400,
  /** Sent further in the future than is tolerated: the receiver's clock is behind. */
  "too-new": 400,
  /** No signature fits a secret or public key: another secret, or a body that was changed on its way. */
  "bad-signature": 401,
  /** The very same request was accepted before. */
  replayed: 409,
  /** The body is larger than the limit. */
  "too-large": 413,
  /** The signature is right, but the body is not an event. */
  "malformed-body": 400,
  /** Another reader has read the body before. */
  "body-used": 500,
  /** The receiver's secret or public key is malformed. */
  "invalid-secret": 500,
  /** The JWKS could not be read. */
  "keys-unavailable": 503,
} as const;

export type CallbackErrorCode = keyof typeof STATUS;

/** A callback that must not be acted upon; answer with {@link CallbackError.status}. */
export class CallbackError extends Error {
  override readonly name = "CallbackError";
  /** Stable. */
  readonly code: CallbackErrorCode;
  /**
   * The status to answer with: 4xx when the sender is at fault, 5xx when the receiver is. The gateway retries after
   * both.
   */
  readonly status: (typeof STATUS)[CallbackErrorCode];

  constructor(code: CallbackErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.status = STATUS[code];
  }
}
