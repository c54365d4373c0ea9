import type { Opened } from "../events/fan-out.ts";
import type { RequestContext } from "../ports/dependencies.ts";
import type { QueueMessage } from "../ports/queue.ts";
import type { StoredConfig } from "../projects/caller.ts";
import { type FlowParts, firstAttemptMessages } from "../scheduling/flow-control.ts";
import { type PublishParts, publishAll } from "../scheduling/publish.ts";
import { DELIVERY_LEASE_MARGIN } from "../shared/limits.ts";
import { type BatchParts, completeBatch } from "../tasks/batch/complete-batch.ts";
import { attemptFields } from "../tasks/log-fields.ts";
import type { TaskRecord } from "../tasks/record.ts";
import type { FinishResult } from "../tasks/run/finish-task.ts";
import { type DeliverParts, deliver, send } from "./deliver.ts";

/** The parts that first delivery attempts use. */
export type FirstAttemptParts = DeliverParts &
  FlowParts &
  PublishParts &
  BatchParts &
  Pick<RequestContext, "background" | "log" | "settings">;

/**
 * Sends the first attempts of the deliveries that a task's end opened; a late outcome is logged, and changes nothing.
 */
export async function sendFirstAttempts(
  ctx: FirstAttemptParts,
  record: TaskRecord,
  finished: FinishResult | { readonly kind: "retrying" },
): Promise<void> {
  if (!isEnded(ctx, record, finished)) return;
  const { batchDone: batch } = finished;
  if (batch !== undefined) ctx.background.waitUntil(completeBatch(ctx, record.project, batch));
  await withGracePeriod(ctx, sendOpened(ctx, record.project, finished.opened, finished));
}

/** The messages for the first attempts of a task's end, for callers that may not wait for a receiver. */
export function firstMessages(
  deps: FirstAttemptParts,
  record: TaskRecord,
  finished: FinishResult | { readonly kind: "retrying" },
): readonly QueueMessage[] {
  if (!isEnded(deps, record, finished)) return [];
  const { now, queued } = finished.opened;
  return firstAttemptMessages(deps, record.project, [...now, ...queued]);
}

function isEnded(
  { log }: FirstAttemptParts,
  record: TaskRecord,
  finished: FinishResult | { readonly kind: "retrying" },
): finished is Extract<FinishResult, { kind: "ended" }> {
  if (finished.kind === "ended") return true;
  if (finished.kind !== "retrying")
    log("info", "outcome-not-written", { ...attemptFields(record), reason: finished.kind });
  return false;
}

/**
 * How long the caller that ends a task waits for its first attempts, and how long a Worker may work after its answer.
 */
const INLINE_WAIT = 2_000;
const AFTER_ANSWER = 25_000;

/** Continues without slow receivers: one that hangs holds up the queue's line no longer than that, and no client. */
async function withGracePeriod(
  { settings, background }: FirstAttemptParts,
  work: Promise<void>,
): Promise<void> {
  const longest = settings.callbackTimeout + DELIVERY_LEASE_MARGIN;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const enough = new Promise<void>((done) => {
    timer = setTimeout(done, Math.max(INLINE_WAIT, longest - AFTER_ANSWER));
  });
  background.waitUntil(work);
  try {
    await Promise.race([work, enough]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Sends deliveries that were just opened, a few side by side; at the same time the rest goes to the queue in one
 * batch.
 */
export async function sendOpened(
  deps: FirstAttemptParts,
  project: string,
  opened: Opened,
  { config, now }: { readonly config: StoredConfig; readonly now: number },
): Promise<void> {
  const messages = firstAttemptMessages(deps, project, opened.queued);
  const sent = opened.now.map((webhook) => {
    const { id: delivery, lease } = webhook;
    if (!lease) return deliver(deps, { v: 1, project, delivery, attempt: 1 });
    const attempt = { lease: lease.id, attempt: 1, base: 0, crashes: 0 };
    return send(deps, { project, delivery, ...attempt, webhook, config, now });
  });
  await Promise.all([publishAll(deps, messages), ...sent]);
}
