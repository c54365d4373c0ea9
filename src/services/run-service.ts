import type { TaskRecord } from "../tasks/record.ts";
import { announcer } from "../events/announce.ts";
import { callService, isHeld } from "./call-service.ts";
import type { StoredConfig } from "../projects/caller.ts";
import { failAttempt } from "../tasks/run/fail-attempt.ts";
import { sendFirstAttempts } from "../deliveries/first-attempts.ts";
import type { Invocation } from "../ports/dependencies.ts";
import { QueueUnavailable } from "../ports/ports.ts";
import { redisTime } from "../shared/redis-clock.ts";

/** An attempt that was leased for a service: what its handler is to other tasks, the queue is to it. */
export async function runService(
  inv: Invocation,
  claimed: { readonly record: TaskRecord; readonly config: StoredConfig; readonly now: number },
  lease: string,
): Promise<void> {
  const { record, config, now } = claimed;
  const time = redisTime(now, inv.clock);
  const news = announcer(inv, { record, config, lease, time });
  try {
    await news.opened();
    const called = await attempt(inv, record, time);
    if (called.kind !== "failed") return;
    const { code, message, retryable } = called;
    const failed = await failAttempt(inv, {
      record,
      config,
      authority: { by: "lease", lease, attempt: record.attempt },
      error: { code, message, retryable },
      actor: "worker",
      time,
    });
    await sendFirstAttempts(inv, record, failed);
  } finally {
    await news.sent();
  }
}

async function attempt(inv: Invocation, record: TaskRecord, time: () => number) {
  try {
    if (await isHeld(inv, record, time())) return { kind: "called" } as const;
    return await callService(inv, record, record.input.json, time());
  } catch (error) {
    if (!(error instanceof QueueUnavailable)) throw error;
    return { kind: "failed", code: "queue-unavailable", message: error.message, retryable: true } as const;
  }
}
