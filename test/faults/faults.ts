import type { Conditions } from "./conditions.ts";
import type { Random } from "./random.ts";

/** The faults of one request on its way. */
export type LinkFault =
  | { readonly kind: "pass" }
  /** Delayed before it goes on; later requests overtake it. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Never arrives: the connection breaks. */
  | { readonly kind: "drop-request" }
  /** Arrives, its work is done, and the answer is lost. */
  | { readonly kind: "drop-answer" }
  /**
   * Arrives twice, `apart` milliseconds from each other, at times long after its answer; the first one's answer counts.
   */
  | { readonly kind: "duplicate"; readonly apart: number }
  /** Answered by something on the way: it never arrived. */
  | { readonly kind: "refuse"; readonly status: 429 | 500 | 502 | 503 }
  /** Arrives and is done, but something on the way answers for it. */
  | { readonly kind: "refuse-after"; readonly status: 500 | 502 | 503 }
  /** Its body ends in the middle. */
  | { readonly kind: "cut-request" }
  /** The answer's body ends in the middle. */
  | { readonly kind: "cut-answer" };

export type FaultKind = Exclude<LinkFault["kind"], "pass">;

export const FAULT_KINDS: readonly [FaultKind, ...FaultKind[]] = [
  "delay",
  "drop-request",
  "drop-answer",
  "duplicate",
  "refuse",
  "refuse-after",
  "cut-request",
  "cut-answer",
];

/** The ways between the processes. */
export const WAYS = [
  "client-gateway",
  "qstash-gateway",
  "gateway-redis",
  "gateway-qstash",
  "gateway-receiver",
  "qstash-service",
] as const;
export type Way = (typeof WAYS)[number];

/** How often each way breaks, and how long a delay on it may be, in milliseconds. */
const CALAMITY: Readonly<Record<Way, { readonly share: number; readonly delay: number }>> = {
  "client-gateway": { share: 0.12, delay: 1_500 },
  "qstash-gateway": { share: 0.12, delay: 3_000 },
  "gateway-redis": { share: 0.06, delay: 1_000 },
  "gateway-qstash": { share: 0.12, delay: 2_000 },
  "gateway-receiver": { share: 0.12, delay: 1_500 },
  "qstash-service": { share: 0.12, delay: 1_500 },
};

/** One repetition in three comes late: up to so many times as late as a delay may be. */
const LATE = 10;

/** Draws what happens to the next request on a way. @param only what can, and how often */
export function nextFault(random: Random, way: Way, only?: Conditions["faults"]): LinkFault {
  const { share, delay } = CALAMITY[way];
  if (!random.chance(only?.share ?? share)) return { kind: "pass" };
  const kind = random.pick(only?.kinds ?? FAULT_KINDS);
  switch (kind) {
    case "delay":
      return { kind, ms: random.between(20, delay) };
    case "duplicate":
      return { kind, apart: random.between(0, random.chance(1 / 3) ? LATE * delay : delay) };
    case "refuse":
      return { kind, status: random.pick([429, 500, 502, 503]) };
    case "refuse-after":
      return { kind, status: random.pick([500, 502, 503]) };
    default:
      return { kind };
  }
}
