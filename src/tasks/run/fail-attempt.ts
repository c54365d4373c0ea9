import type { Authority } from "../../ports/commands/task.ts";
import type { Dependencies } from "../../ports/dependencies.ts";
import { StoreRefused } from "../../ports/errors.ts";
import type { StoredConfig } from "../../projects/caller.ts";
import { system } from "../../projects/principal.ts";
import { type FlowParts, runMessage } from "../../scheduling/flow-control.ts";
import { type PublishParts, publish } from "../../scheduling/publish.ts";
import { handlerBackoff } from "../../shared/time/retry-schedule.ts";
import { attemptFields } from "../log-fields.ts";
import type { Actor, Failure, Progress, TaskRecord } from "../record.ts";
import { expiry, type FinishParts, type FinishResult, finishTask, refusalOf } from "./finish-task.ts";

/** The parts that the failure of an attempt uses. */
export type FailParts = FlowParts & PublishParts & FinishParts & Pick<Dependencies, "log" | "random">;

/** An attempt that failed, and the reporting party. */
export interface Failing {
  readonly record: TaskRecord;
  readonly config: StoredConfig;
  readonly authority: Authority;
  readonly error: Failure;
  /** JSON text: the failed answer of a service, kept when no other attempt follows. */
  readonly result?: string;
  /** Milliseconds that the failing side asked us to wait. */
  readonly retryAfter?: number;
  readonly actor: Actor;
  /** The handler's last report of its progress. */
  readonly progress?: Progress;
  /** The caller has no time to send first attempts: the queue makes them. */
  readonly byQueue?: boolean;
  /** Redis time. */
  readonly time: () => number;
}

/** A failed attempt: the next one is scheduled; or the task has failed, or its deadline comes before the next one. */
export async function failAttempt(
  ctx: FailParts,
  failing: Failing,
): Promise<FinishResult | { readonly kind: "retrying" }> {
  const { record, authority, error, actor, retryAfter = 0 } = failing;
  if (!error.retryable || record.attempt >= record.maxAttempts) {
    const { result } = failing;
    const ending = { status: "failed", error, ...(result !== undefined && { result }) } as const;
    return finishTask(ctx, { ...failing, ending, cause: error.code });
  }
  const delay = Math.max(handlerBackoff(record.attempt, ctx.random()), retryAfter);
  const ended = await ctx.store
    .end({
      record,
      authority,
      outcome: { kind: "retry", delay, error },
      actor,
      cause: error.code,
      ...(failing.progress && { progress: failing.progress }),
      nonce: crypto.randomUUID(),
    })
    .catch(refusalOf);
  if (ended instanceof StoreRefused) {
    ctx.log("warn", "retry-not-stored", { ...attemptFields(record), reason: ended.message });
    return finishTask(ctx, { ...failing, ending: { status: "failed", error }, cause: error.code });
  }
  switch (ended.kind) {
    case "ended":
      await publish(ctx, await runMessage(ctx, record, record.attempt + 1, delay));
      return { kind: "retrying" };
    case "deadline-passed":
      return finishTask(ctx, { ...failing, ending: expiry(record, error), cause: "deadline" });
    case "config-changed":
      throw new Error("end answered config-changed where no deliveries depend on it");
    default:
      return ended;
  }
}

/** The reasons for which the sweep or a worker ends an attempt without a holder. */
export type Abandonment = "expired" | "exhausted" | "silent";

/**
 * Ends a task that may not go on: the deadline has passed, its handler stopped the gateway too often, or a heartbeat
 * was missed.
 */
export function abandon(
  ctx: FailParts,
  held: {
    readonly kind: Abandonment;
    readonly record: TaskRecord;
    readonly config: StoredConfig;
    readonly time: () => number;
  },
  actor: "worker" | "sweep",
): Promise<FinishResult | { readonly kind: "retrying" }> {
  const { record, config, time } = held;
  const authority: Authority = { by: "sequence", sequence: record.sequence, caller: system(record.project) };
  const common = { record, config, authority, actor, time };
  switch (held.kind) {
    case "expired":
      return finishTask(ctx, { ...common, ending: expiry(record), cause: "deadline" });
    case "exhausted": {
      const message = `The attempt was interrupted ${record.crashes + 1} times without an outcome.`;
      const error: Failure = { code: "crashed", message, retryable: false };
      return finishTask(ctx, { ...common, ending: { status: "failed", error }, cause: "crashes" });
    }
    case "silent": {
      const message = "The bearer of the task's token did not report in time.";
      return failAttempt(ctx, { ...common, error: { code: "heartbeat-timeout", message, retryable: true } });
    }
  }
}
