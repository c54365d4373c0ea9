/** Why a callback is not accepted, and the status to answer it with. */
const STATUS = {
  /** One of the headers `webhook-id`, `webhook-timestamp`, `webhook-signature` is not there: not sent by a gateway. */
  "missing-headers": 400,
  /** `webhook-timestamp` is no number of seconds. */
  "malformed-headers": 400,
  /** Sent longer ago than is tolerated, or the receiver's clock is ahead. */
  "too-old": 400,
  /** Sent further in the future than is tolerated: the receiver's clock is behind. */
  "too-new": 400,
  /** No signature fits a secret or public key: another secret, or a body that was changed on its way. */
  "bad-signature": 401,
  /** The very same request was accepted before. */
  replayed: 409,
  /** The body is larger than is accepted. */
  "too-large": 413,
  /** The signature is right, yet the body is no event. */
  "malformed-body": 400,
  /** Something has read the body before. */
  "body-used": 500,
  /** What the receiver was given as secret or public key is none. */
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
  /** What to answer: 4xx when the sender is at fault, 5xx when the receiver is; the gateway tries again after both. */
  readonly status: (typeof STATUS)[CallbackErrorCode];

  constructor(code: CallbackErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.status = STATUS[code];
  }
}
