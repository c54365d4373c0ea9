import { type Answer, type DeliverParts, DONE, deliver } from "../../deliveries/deliver.ts";
import { type FirstAttemptParts, sendFirstAttempts } from "../../deliveries/first-attempts.ts";
import { type AnnounceParts, announcer } from "../../events/announce.ts";
import type { ClaimAnswer } from "../../ports/commands/task.ts";
import type { Dependencies } from "../../ports/dependencies.ts";
import type { RunMessage } from "../../ports/queue.ts";
import type { RunStore } from "../../ports/stores/task-store.ts";
import { type FlowParts, limitsOf } from "../../scheduling/flow-control.ts";
import { type CallParts, recall } from "../../services/call-service.ts";
import { HTTP_REQUEST } from "../../services/http-request.ts";
import { type RunServiceParts, runService } from "../../services/run-service.ts";
import { INLINE_DELIVERIES } from "../../shared/limits.ts";
import { redisTime } from "../../shared/time/redis-clock.ts";
import { type ActiveSpan, failSpan } from "../../shared/trace/tracing.ts";
import { attemptFields } from "../log-fields.ts";
import type { TaskRecord } from "../record.ts";
import { attemptSpan } from "./attempt-span.ts";
import { underWay } from "./attempts-under-way.ts";
import { type Executed, execute, type HandlerParts } from "./execute-handler.ts";
import { abandon, type FailParts, failAttempt } from "./fail-attempt.ts";
import { expiry, type FinishInput, type FinishParts, finishTask } from "./finish-task.ts";
import type { Lease } from "./lease.ts";
import { type SuspendParts, suspend } from "./suspend-task.ts";

/** The parts that an attempt uses. */
export type RunParts = DeliverParts &
  FirstAttemptParts &
  AnnounceParts &
  FlowParts &
  CallParts &
  RunServiceParts &
  HandlerParts &
  FailParts &
  FinishParts &
  SuspendParts &
  Pick<Dependencies, "clock" | "log"> & { readonly store: RunStore };

/** A task whose attempt was leased, as the script answered that leased it. */
type Held = Pick<Extract<ClaimAnswer, { record: TaskRecord }>, "record" | "config" | "now">;

/**
 * The attempt that a run message asks for: leased, run, ended; compares state before it acts.
 *
 * @param cause the `traceparent` of the message: the submit or the attempt that published it
 */
export async function run(ctx: RunParts, message: RunMessage, cause?: string): Promise<Answer> {
  const lease = crypto.randomUUID();
  const limits = limitsOf(ctx, message);
  const claimed = await ctx.store.claim({ ...message, lease, ...(limits && { limits }) });
  switch (claimed.kind) {
    case "gone":
    case "stale":
    case "waiting":
    case "paused":
      return DONE;
    case "ended":
      return resume(ctx, message.project, claimed.deliveries);
    case "busy":
    case "early":
      return { status: 503, retryAfter: claimed.retryAfter };
    case "expired":
    case "exhausted": {
      const { kind, record, config, now } = claimed;
      const finished = await abandon(
        ctx,
        { kind, record, config, time: redisTime(now, ctx.clock) },
        "worker",
      );
      await Promise.all([sendFirstAttempts(ctx, record, finished), recall(ctx, record)]);
      return DONE;
    }
    case "claimed":
      if (claimed.record.type !== HTTP_REQUEST) await runLeased(ctx, claimed, { id: lease }, { cause });
      else
        await attemptSpan(claimed.record, cause, (record, span) =>
          runService(ctx, { ...claimed, record }, lease, span),
        );
      return DONE;
  }
}

interface Circumstances {
  /** The `traceparent` of the submit or the attempt that asked for this one, unless it is the task's own. */
  readonly cause?: string | undefined;
  /** Whether the queue makes the first attempts of its callbacks; asked when the handler is done. */
  readonly byQueue?: () => boolean;
}

/** Runs the handler of a leased attempt, and ends the attempt. */
export function runLeased(
  ctx: RunParts,
  held: Held,
  lease: Lease,
  { cause, byQueue = () => false }: Circumstances = {},
): Promise<void> {
  return attemptSpan(held.record, cause, (record, span) =>
    underWay(record, () => work(ctx, { ...held, record }, lease, byQueue, span)),
  );
}

async function work(
  ctx: RunParts,
  { record, config, now }: Held,
  lease: Lease,
  byQueue: () => boolean,
  span: ActiveSpan,
): Promise<void> {
  const time = redisTime(now, ctx.clock);
  const news = announcer(ctx, { record, config, lease: lease.id, time });
  try {
    const outcome = await execute(ctx, record, lease, time, news.progress);
    if (outcome.kind === "failed") failSpan(span, outcome.error.code);
    // The requested data is decrypted before the end is written: afterwards it would be too late.
    await news.opened();
    const authority = { by: "lease", lease: lease.id, attempt: record.attempt } as const;
    const leased = { record, config, authority, actor: "worker", byQueue: byQueue(), time } as const;
    await write(ctx, leased, outcome);
  } finally {
    await news.sent();
  }
}

/** Writes the attempt's outcome, and sends the deliveries that it opens. */
async function write(ctx: RunParts, leased: Omit<FinishInput, "ending">, outcome: Executed): Promise<void> {
  const { record } = leased;
  const { progress } = outcome;
  const held = { ...leased, ...(progress && { progress }) };
  const finishAs = (ending: FinishInput["ending"], cause?: string) =>
    finishTask(ctx, { ...held, ending, ...(cause !== undefined && { cause }) });
  switch (outcome.kind) {
    case "lost":
      ctx.log("info", "lease-lost", attemptFields(record));
      return;
    case "expired":
      return sendFirstAttempts(ctx, record, await finishAs(expiry(record), "deadline"));
    case "succeeded": {
      const { result } = outcome;
      const ending = { status: "succeeded", ...(result !== undefined && { result }) } as const;
      return sendFirstAttempts(ctx, record, await finishAs(ending));
    }
    case "waiting":
      await suspend(ctx, {
        ...held,
        ...(outcome.heartbeat !== undefined && { heartbeat: outcome.heartbeat }),
      });
      return;
    case "failed":
      return sendFirstAttempts(ctx, record, await failAttempt(ctx, { ...held, ...outcome }));
  }
}

/** The task has ended: first deliveries that were cut off are begun again; the sweep handles the rest. */
async function resume(ctx: RunParts, project: string, deliveries: readonly string[]): Promise<Answer> {
  const answers = await Promise.all(
    deliveries
      .slice(-INLINE_DELIVERIES)
      .map((delivery) => deliver(ctx, { v: 1, project, delivery, attempt: 1 })),
  );
  return answers.find(({ status }) => status === 503) ?? DONE;
}
