import { headerFault as neverPassed } from "../services/headers.ts";
import { TERMINAL } from "../tasks/status.ts";

/** The events of a task, those of its end first. */
export const TASK_EVENTS = ([...TERMINAL, "started", "waiting", "progress"] as const).map(
  (status) => `task.${status}` as const,
);

/** Every event that an endpoint may subscribe to; verification and test are sent on request alone. */
export const EVENTS: readonly string[] = [
  ...TASK_EVENTS,
  "batch.completed",
  "endpoint.disabled",
  "delivery.dead",
];

/** How an event's body is written. */
export const FORMATS = ["full", "thin", "cloudevents"] as const;
export type Format = (typeof FORMATS)[number];

/** How an event is signed: HMAC-SHA256 with the endpoint's secret, Ed25519 with the project's key pair. */
export const SIGNATURES = ["v1", "v1a"] as const;
export type SignatureKind = (typeof SIGNATURES)[number];

/** Whether an event's name fits a pattern: the name itself, `task.*` for a group, `*` for all. */
export function matchesEvent(patterns: readonly string[], type: string): boolean {
  return patterns.some(
    (pattern) =>
      pattern === "*" ||
      pattern === type ||
      (pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1))),
  );
}

/** Whether a pattern can match at all: a misspelt one would never match, without any error. */
export function isEventPattern(pattern: string): boolean {
  return EVENTS.some((type) => matchesEvent([pattern], type));
}

/** The settings of an endpoint. */
export const ENDPOINT_LIMITS = {
  url: 2_048,
  description: 500,
  headers: 20,
  headerName: 100,
  headerValue: 1_000,
  attempts: 20,
  /** Deliveries per second. */
  rate: 1_000,
  /** Milliseconds between two attempts, and over all of them. */
  delay: 7 * 86_400_000,
  schedule: 30 * 86_400_000,
  /** Milliseconds for which the old secret still signs after a rotation. */
  overlap: 7 * 86_400_000,
  /** The most secrets that sign at a time. */
  secrets: 10,
} as const;

/** Headers that describe a body, and headers that the gateway sets itself. */
const OURS = /^(?:content-|trace)/i;

/** Why a header may not be sent along, as the end of a sentence; undefined when it may be. */
export function headerFault(name: string, value: string): string | undefined {
  if (OURS.test(name)) return "is set by the gateway";
  // The client decides about the credentials of its receiver.
  return neverPassed({ headers: {} }, /^authorization$/i.test(name) ? "x-credentials" : name, value);
}

/** Header names whose values are kept encrypted, and shown as {@link MASK}. */
const SECRET_HEADER =
  /auth|token|secret|key|pass|cookie|cred|sign|session|jwt|bearer|hmac|private|assertion|saml|pwd|(?:^|[-_.])(?:otp|pin|sid)(?:$|[-_.])/i;

export const MASK = "***";

export function isSecretHeader(name: string): boolean {
  return SECRET_HEADER.test(name);
}

/** Why an endpoint receives nothing. */
export interface Disabled {
  /** `manual` when a client did it; else the gateway's observation. */
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}
