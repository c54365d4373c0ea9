import { asksFor } from "../../events/task-events.ts";
import type { AcceptAnswer, RateState } from "../../ports/commands/task.ts";
import type { QueueMessage } from "../../ports/queue.ts";
import type { Scope, StoredConfig } from "../../projects/caller.ts";
import { denied } from "../../projects/denied.ts";
import { type Client, system } from "../../projects/principal.ts";
import { runMessage } from "../../scheduling/flow-control.ts";
import { publish } from "../../scheduling/publish.ts";
import { callFirst } from "../../services/call-service.ts";
import { HTTP_REQUEST } from "../../services/http-request.ts";
import { madeErased, reused } from "../../shared/idempotency.ts";
import { IMMEDIATE_LEASE_MARGIN, QUOTA_RETRY } from "../../shared/limits.ts";
import { ApiError } from "../../shared/problems.ts";
import { continued, inSpan } from "../../shared/trace/tracing.ts";
import { attemptFields } from "../log-fields.ts";
import { getTask } from "../read/get-task.ts";
import type { DeliveryRecord, TaskRecord } from "../record.ts";
import { type RunParts, runLeased } from "../run/run-attempt.ts";
import { type ImmediateStarts, immediateLease } from "./immediate-start.ts";
import { prepare, type Submit, type SubmitParts, traceOfSubmit } from "./prepare-task.ts";

/** The parts that accepting one task uses, whose first attempt may begin at once. */
export type AcceptParts = SubmitParts & RunParts & { readonly immediate: ImmediateStarts };

export interface Accepted {
  readonly record: TaskRecord;
  /** Redis time, milliseconds. */
  readonly now: number;
  /** The idempotency key named a task that was accepted before. */
  readonly replayed: boolean;
  readonly rate?: RateState;
  /** Whether an endpoint of the project subscribes to every start. */
  readonly startsTold?: boolean;
  /** The project, or the type of the task, is paused. */
  readonly paused?: boolean;
  /** The configuration of the project, if this caller holds the lease of the first attempt. */
  readonly begun?: StoredConfig;
  readonly delivery?: DeliveryRecord;
}

/**
 * Accepts a task: one Redis request, then the answer; its first attempt, or the publish of it, starts at once and holds
 * nothing up.
 *
 * @throws ApiError
 */
export function accept(ctx: AcceptParts, caller: Client, submit: Submit): Promise<Accepted> {
  const attributes = { "ringback.task.type": submit.type };
  return inSpan(
    "submit task",
    { kind: "producer", parent: continued(traceOfSubmit(submit)), attributes },
    async (trace, span) => {
      const accepted = await acceptTraced(ctx, caller, { ...submit, ...(trace !== undefined && { trace }) });
      span?.setAttribute("ringback.task.id", accepted.record.id);
      return accepted;
    },
  );
}

async function acceptTraced(ctx: AcceptParts, caller: Client, submit: Submit): Promise<Accepted> {
  const command = await prepare(ctx, caller, submit);
  const lease = immediateLease(ctx.tasks.get(submit.type), submit);
  const giveBack = lease && ctx.immediate.take(lease.length);
  let work: Promise<void> | undefined;
  try {
    submit.watch?.begin(command.task.id);
    const sent = ctx.clock();
    const answer = await ctx.store.accept(giveBack ? { ...command, lease } : command);
    if (answer.kind === "replayed") {
      // A key may see the task that it has submitted, even without tasks:read.
      return { ...(await getTask(ctx, system(caller.project), answer.id, { result: true })), replayed: true };
    }
    const accepted = settle(answer, command.scope);
    const { input } = command.task;
    work =
      lease && accepted.begun
        ? begin(ctx, { ...accepted, config: accepted.begun }, { lease, input, sent })
        : start(ctx, accepted, input);
    ctx.background.waitUntil(work.finally(giveBack));
    return accepted;
  } finally {
    if (!work) giveBack?.();
  }
}

/** Runs the first attempt, which this caller has leased, as soon as the answer is on its way. */
async function begin(
  ctx: AcceptParts,
  { record, config, now }: Accepted & { readonly config: StoredConfig },
  { lease, input, sent }: { readonly lease: { readonly id: string }; input: string; sent: number },
): Promise<void> {
  const answered = ctx.clock();
  if (answered - sent >= IMMEDIATE_LEASE_MARGIN) {
    // The lease may end before the attempt's timeout: the sweep sees to it.
    ctx.log("info", "lease-lost", attemptFields(record));
    return;
  }
  await new Promise((resolve) => setTimeout(resolve, 0));
  const leased = { record: { ...record, input: { ...record.input, json: input } }, config, now };
  await runLeased(
    ctx,
    leased,
    { id: lease.id, fixed: true },
    {
      byQueue: () => !ctx.immediate.mayCall(answered),
    },
  );
}

/** Publishes the first run; a service that may be called at once is called directly. */
async function start(ctx: SubmitParts, accepted: Accepted, input: string): Promise<void> {
  const { record, now, startsTold, paused } = accepted;
  const announced = startsTold || asksFor(record, "task.started");
  if (record.type === HTTP_REQUEST && record.startsAt <= now && !announced && !paused) {
    return callFirst(ctx, record, input, now);
  }
  await publish(ctx, await firstRun(ctx, accepted));
}

/** Turns the answer of Redis into an accepted task. @throws ApiError when it was not accepted */
export function settle(
  answer: Exclude<AcceptAnswer, { kind: "replayed" }>,
  scope: Scope = "tasks:write",
): Accepted {
  switch (answer.kind) {
    case "accepted": {
      const { kind: _kind, ...accepted } = answer;
      return { ...accepted, replayed: false };
    }
    case "reused":
      throw reused(answer.id);
    case "erased":
      throw madeErased(answer.id);
    case "rate-limited": {
      const { limit, retryAfter } = answer;
      const rate = { limit, remaining: 0, reset: retryAfter };
      throw new ApiError("rate-limited", `This project may submit ${limit} tasks per second.`, {
        retryAfter,
        rate,
      });
    }
    case "key-required":
      throw new ApiError(
        "idempotency-key-required",
        "This project accepts a task only with an Idempotency-Key, so that a repetition is no second task.",
      );
    case "batch-closed":
      throw new ApiError(
        "idempotency-key-reused",
        "The batch of this Idempotency-Key has completed without this item: send the item under another key.",
      );
    case "too-large":
      throw new ApiError("payload-too-large", "The task is larger than Redis takes in one request.");
    case "quota": {
      const { quota, rate } = answer;
      throw new ApiError("quota-exceeded", `This project has ${quota} tasks that have not ended.`, {
        retryAfter: QUOTA_RETRY,
        rate,
        open: quota,
      });
    }
    default:
      throw denied(answer, scope);
  }
}

/** The message for a new task's first attempt. */
export function firstRun(ctx: SubmitParts, { record, now }: Accepted): Promise<QueueMessage> {
  return runMessage(ctx, record, 1, Math.max(0, record.startsAt - now));
}
