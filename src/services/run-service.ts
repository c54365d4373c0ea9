import { type FirstAttemptParts, sendFirstAttempts } from "../deliveries/first-attempts.ts";
import { type AnnounceParts, announcer } from "../events/announce.ts";
import type { Dependencies } from "../ports/dependencies.ts";
import { QueueUnavailable } from "../ports/errors.ts";
import type { StoredConfig } from "../projects/caller.ts";
import { redisTime } from "../shared/time/redis-clock.ts";
import { type ActiveSpan, failSpan } from "../shared/trace/tracing.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { type FailParts, failAttempt } from "../tasks/run/fail-attempt.ts";
import { type CallParts, callService, isHeld } from "./call-service.ts";

/** The parts that a service's attempt uses. */
export type RunServiceParts = FirstAttemptParts &
  AnnounceParts &
  CallParts &
  FailParts &
  Pick<Dependencies, "clock">;

/** An attempt that was leased for a service: the queue has the role that a handler has for other tasks. */
export async function runService(
  ctx: RunServiceParts,
  claimed: { readonly record: TaskRecord; readonly config: StoredConfig; readonly now: number },
  lease: string,
  span: ActiveSpan,
): Promise<void> {
  const { record, config, now } = claimed;
  const time = redisTime(now, ctx.clock);
  const news = announcer(ctx, { record, config, lease, time });
  try {
    await news.opened();
    const called = await attempt(ctx, record, time);
    if (called.kind !== "failed") return;
    const { code, message, retryable } = called;
    failSpan(span, code);
    const failed = await failAttempt(ctx, {
      record,
      config,
      authority: { by: "lease", lease, attempt: record.attempt },
      error: { code, message, retryable },
      actor: "worker",
      time,
    });
    await sendFirstAttempts(ctx, record, failed);
  } finally {
    await news.sent();
  }
}

async function attempt(ctx: RunServiceParts, record: TaskRecord, time: () => number) {
  try {
    if (await isHeld(ctx, record, time())) return { kind: "called" } as const;
    return await callService(ctx, record, record.input.json, time());
  } catch (error) {
    if (!(error instanceof QueueUnavailable)) throw error;
    return { kind: "failed", code: "queue-unavailable", message: error.message, retryable: true } as const;
  }
}
