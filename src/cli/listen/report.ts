import { CALL } from "../common/call.ts";
import type { NextStep } from "./next.ts";
import type { Verdict } from "./verdict.ts";

/** One callback, as it was received and answered. */
export interface CallbackReport extends Verdict, NextStep {
  readonly at: string;
  /** The status that was answered. */
  readonly answered: number;
  /** How often this event has come here. */
  readonly seen: number;
}

/** A callback for people. */
export function reportText(report: CallbackReport): string {
  const { at, type, taskId, eventId, signature, reason, attempt, seen, body, answered } = report;
  const lines = [
    "",
    `${at} ${type ?? "not an event"}${taskId === undefined ? "" : ` ${taskId}`}`,
    `  event      ${eventId || "none"}`,
    `  signature  ${signature === "valid" ? "valid" : `NOT VALID: ${signature}. ${reason ?? ""}`.trim()}`,
    `  attempt    ${attempt ?? `${seen} here`}`,
    `  answered   ${answered}`,
    `  next       ${nextText(report)}`,
    typeof body === "string" ? body : JSON.stringify(body, null, 2),
  ];
  return lines.join("\n");
}

function nextText({ next, nextAttemptAt, why }: NextStep): string {
  switch (next) {
    case "delivered":
      return "delivered";
    case "dead":
      return `dead: "${CALL} api POST /v1/deliveries/ID/redeliver" or "${CALL} recover" sends it again`;
    case "retry":
      return `another attempt${nextAttemptAt === undefined ? "" : ` at ${nextAttemptAt}`}${why === undefined ? "" : `, ${why}`}`;
    case "unknown":
      return `unknown (${why ?? "the gateway did not say"})`;
  }
}
