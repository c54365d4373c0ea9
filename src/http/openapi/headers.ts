/** The response headers that answers declare, in addition to `X-Request-Id`, which every answer carries. */
export const answerHeaders = {
  Location: {
    description: "The absolute address to read next: the task, its result, or the delivery.",
    schema: { type: "string", format: "uri" },
  },
  "Operation-Location": {
    description: "The absolute address of the task's operation, for clients that poll one.",
    schema: { type: "string", format: "uri" },
  },
  "Content-Location": {
    description: "The absolute address of the task that the body shows (RFC 9110, section 8.7).",
    schema: { type: "string", format: "uri" },
  },
  "Retry-After": {
    description: "Seconds after which another request makes sense (RFC 9110, section 10.2.3).",
    schema: { type: "integer", minimum: 1 },
  },
  "Preference-Applied": {
    description:
      "The preference that was honoured (RFC 7240, section 3): `respond-async`, or `wait=<seconds>` when the answer came within the wait.",
    schema: { type: "string", pattern: "^(respond-async|wait=([1-9]|1\\d|2[0-5]))$" },
  },
  "Idempotent-Replayed": {
    description:
      "The `Idempotency-Key` named a task that was accepted before; this is that task, as it is now.",
    schema: { type: "string", const: "true" },
  },
  RateLimit: {
    description:
      'What is left of the rate: `"default";r=<tasks that may still be accepted>;t=<seconds until all may>`; of reads, `"read"`.',
    schema: { type: "string" },
  },
  "RateLimit-Policy": {
    description:
      'The rate: `"default";q=<tasks>;w=<seconds>`; of reads, `"read"`. At the limit of open tasks also `"open";q=<tasks>;qu="concurrent-requests"`.',
    schema: { type: "string" },
  },
  Vary: {
    description: "`Prefer` (RFC 7240, section 2), or `Accept` too, may change this answer.",
    schema: { type: "string" },
  },
  ETag: {
    description: "Names this state of the answer; send it as `If-None-Match` (RFC 9110, section 8.8.3).",
    schema: { type: "string" },
  },
  Link: {
    description:
      'The next page, `rel="next"` (RFC 8288), absent on the last; of `/`, the descriptions of this API.',
    schema: { type: "string" },
  },
  "Cache-Control": {
    description: "How long the answer may be cached, and by which caches (RFC 9111).",
    schema: { type: "string" },
  },
  "WWW-Authenticate": {
    description: "The required credentials, and the error in those of the request (RFC 6750, section 3).",
    schema: { type: "string" },
  },
  "Ringback-Service-Status": {
    description: "The answer is a service's, with this status.",
    schema: { type: "integer", minimum: 200, maximum: 599 },
  },
  "Upstash-NonRetryable-Error": {
    description: "Together with 489: the queue need not send this again.",
    schema: { type: "string", const: "true" },
  },
} as const;

export type AnswerHeader = keyof typeof answerHeaders;

/** The request headers that routes declare. */
export const requestHeaders = {
  "Idempotency-Key": {
    description:
      'Makes the request safe to repeat for 24 hours: the same key with the same body is the same task, with another body it is refused. 1 to 255 visible ASCII characters, bare or quoted; `"abc"` and `abc` are one key.',
    schema: { type: "string", minLength: 1, maxLength: 600 },
    example: "order-4711",
  },
  Prefer: {
    description:
      "`wait=<seconds>` (RFC 7240, section 4.3): answer as soon as the task has ended, or after so many seconds, 25 at most; with `If-None-Match`, as soon as the task is another than the `ETag` says. `respond-async` (section 4.1) is what happens in any case. Preferences that are not known are ignored.",
    schema: { type: "string" },
    example: "wait=10",
  },
  tracestate: {
    description: "W3C Trace Context: continued together with `traceparent`.",
    schema: { type: "string" },
    example: "vendor=t61rcWkgMzE",
  },
  traceparent: {
    description:
      "W3C Trace Context: the trace that the task, its service and its callbacks continue. A malformed one is ignored.",
    schema: { type: "string" },
    example: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  },
  "Callback-Url": {
    description: "The task's `callbackUrl`.",
    schema: { type: "string", format: "uri" },
    example: "https://shop.example.com/hooks",
  },
  "Ringback-Delay": {
    description: "The task's `delay`.",
    schema: { type: "string" },
    example: "10s",
  },
  "Ringback-Deadline": {
    description: "The task's `deadline`.",
    schema: { type: "string" },
    example: "15m",
  },
  "Ringback-Project": {
    description:
      "With the admin token: the project, by its id or its percent-encoded name. An API key has a project, and ignores it.",
    schema: { type: "string" },
    example: "shop",
  },
  Accept: {
    description: "`text/event-stream` for server-sent events.",
    schema: { type: "string" },
    example: "text/event-stream",
  },
  "Last-Event-ID": {
    description:
      "For a stream: the `id` of the last event that was read, a sequence; the stream continues after it.",
    schema: { type: "string" },
    example: "2",
  },
  "If-None-Match": {
    description: "An `ETag` that an earlier answer gave: 304 when nothing has changed since.",
    schema: { type: "string" },
    example: '"2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"',
  },
} as const;

export type RequestHeader = keyof typeof requestHeaders;
