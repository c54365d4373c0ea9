import { INLINE_DELIVERIES } from "../../shared/limits.ts";
import { announcer } from "../../events/announce.ts";
import { recall } from "../../services/call-service.ts";
import { type Conclusion, conclude, expiry } from "./finish-task.ts";
import { type Answer, DONE, deliver } from "../../deliveries/deliver.ts";
import { type Executed, execute } from "./execute-handler.ts";
import { abandon, failAttempt } from "./fail-attempt.ts";
import { limitsOf } from "../../scheduling/flow-control.ts";
import { sendFirstAttempts } from "../../deliveries/first-attempts.ts";
import { HTTP_REQUEST } from "../../services/http-request.ts";
import type { Invocation } from "../../ports/dependencies.ts";
import type { RunMessage } from "../../ports/ports.ts";
import { runService } from "../../services/run-service.ts";
import { suspend } from "./suspend-task.ts";
import type { ClaimAnswer } from "../../ports/task-commands.ts";
import { redisTime } from "../../shared/redis-clock.ts";
import { underWay } from "./attempts-under-way.ts";

type Held = Extract<ClaimAnswer, { kind: "claimed" | "expired" | "exhausted" }>;

/** The attempt that a run message asks for: leased, run, ended; compares state before it acts. */
export async function run(inv: Invocation, message: RunMessage): Promise<Answer> {
  const lease = crypto.randomUUID();
  const limits = limitsOf(inv, message);
  const claimed = await inv.store.claim({ ...message, lease, ...(limits && { limits }) });
  switch (claimed.kind) {
    case "gone":
    case "stale":
    case "waiting":
      return DONE;
    case "ended":
      return resume(inv, message.project, claimed.deliveries);
    case "busy":
    case "early":
      return { status: 503, retryAfter: claimed.retryAfter };
    case "expired":
    case "exhausted": {
      const { kind, record, config, now } = claimed;
      const concluded = await abandon(
        inv,
        { kind, record, config, time: redisTime(now, inv.clock) },
        "worker",
      );
      await Promise.all([sendFirstAttempts(inv, record, concluded), recall(inv, record)]);
      return DONE;
    }
    case "claimed":
      if (claimed.record.type === HTTP_REQUEST) await runService(inv, claimed, lease);
      else await underWay(claimed.record, () => work(inv, claimed, lease));
      return DONE;
  }
}

async function work(inv: Invocation, claimed: Held, lease: string): Promise<void> {
  const { record, config } = claimed;
  const time = redisTime(claimed.now, inv.clock);
  const news = announcer(inv, { record, config, lease, time });
  try {
    const outcome = await execute(inv, record, lease, time, news.progress);
    // What was asked for is opened before the end is written: after it nobody could.
    await news.opened();
    const authority = { by: "lease", lease, attempt: record.attempt } as const;
    await write(inv, { record, config, authority, actor: "worker", time }, outcome);
  } finally {
    await news.sent();
  }
}

/** Writes how the attempt went, and sends what that opens. */
async function write(inv: Invocation, leased: Omit<Conclusion, "ending">, outcome: Executed): Promise<void> {
  const { record } = leased;
  const { progress } = outcome;
  const held = { ...leased, ...(progress && { progress }) };
  const concludeAs = (ending: Conclusion["ending"], cause?: string) =>
    conclude(inv, { ...held, ending, ...(cause !== undefined && { cause }) });
  switch (outcome.kind) {
    case "lost":
      inv.log("info", "lease-lost", { task: record.id, run: record.run, attempt: record.attempt });
      return;
    case "expired":
      return sendFirstAttempts(inv, record, await concludeAs(expiry(record), "deadline"));
    case "succeeded": {
      const { result } = outcome;
      const ending = { status: "succeeded", ...(result !== undefined && { result }) } as const;
      return sendFirstAttempts(inv, record, await concludeAs(ending));
    }
    case "waiting":
      await suspend(inv, {
        ...held,
        ...(outcome.heartbeat !== undefined && { heartbeat: outcome.heartbeat }),
      });
      return;
    case "failed":
      return sendFirstAttempts(inv, record, await failAttempt(inv, { ...held, ...outcome }));
  }
}

/** The task has ended: whatever of its first deliveries was cut off is begun again; the sweep looks after the rest. */
async function resume(inv: Invocation, project: string, deliveries: readonly string[]): Promise<Answer> {
  const answers = await Promise.all(
    deliveries
      .slice(-INLINE_DELIVERIES)
      .map((delivery) => deliver(inv, { v: 1, project, delivery, attempt: 1 })),
  );
  return answers.find(({ status }) => status === 503) ?? DONE;
}
