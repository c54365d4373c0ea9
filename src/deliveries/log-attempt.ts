import type { RecordAnswer, RecordCommand } from "../ports/commands/delivery.ts";
import type { Log } from "../shared/log/log.ts";
import { traceIdOf } from "../shared/trace/trace-context.ts";
import type { LeasedAttempt } from "./leased-attempt.ts";
import type { AttemptResult } from "./send-webhook.ts";

/** The record of an attempt; `gone` and `stale`: there is none, another holder was faster. */
type Recorded = RecordCommand["outcome"] | { readonly kind: Exclude<RecordAnswer["kind"], "recorded"> };

/** Logs an attempt to deliver after it was recorded, and the dead letter that it may have left. */
export function logAttempt(
  log: Log,
  { project, delivery, attempt, webhook }: LeasedAttempt,
  { log: made }: AttemptResult,
  outcome: Recorded,
): void {
  const { taskId, batchId, eventId, eventType, endpointId } = webhook;
  const code = made.error?.code;
  const fields = {
    project,
    ...(taskId !== "" && { task: taskId }),
    ...(batchId !== undefined && { batch: batchId }),
    delivery,
    eventType,
    ...(endpointId !== undefined && { endpoint: endpointId }),
    traceId: traceIdOf({ id: taskId || eventId, trace: webhook.trace }),
  };
  log(code === undefined ? "info" : "warn", "delivery-attempted", {
    ...fields,
    attempt,
    ...(made.url !== undefined && { host: new URL(made.url).host }),
    status: made.statusCode,
    code,
    durationMs: made.durationMs,
    outcome: outcome.kind,
    ...(outcome.kind === "retry" && { delayMs: Math.round(outcome.delay) }),
  });
  if (outcome.kind === "dead") log("warn", "delivery-dead", { ...fields, attempts: attempt, code });
}
