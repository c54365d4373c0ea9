import type { FirstAttemptParts } from "../../deliveries/first-attempts.ts";
import { openedOf } from "../../events/fan-out.ts";
import type { NewDelivery } from "../../ports/commands/delivery.ts";
import type { EndAnswer } from "../../ports/commands/task.ts";
import type { RequestContext } from "../../ports/dependencies.ts";
import type { QueueMessage } from "../../ports/queue.ts";
import { actorOf } from "../../projects/actor.ts";
import { denied, isDenied } from "../../projects/denied.ts";
import type { Client } from "../../projects/principal.ts";
import { firstAttemptMessages } from "../../scheduling/flow-control.ts";
import type { CallParts } from "../../services/call-service.ts";
import type { Idempotency } from "../../shared/idempotency.ts";
import { ApiError } from "../../shared/problems.ts";
import { redisTime } from "../../shared/time/redis-clock.ts";
import { completeBatch } from "../batch/complete-batch.ts";
import type { TaskRecord } from "../record.ts";
import { endCommand, type FinishParts } from "../run/finish-task.ts";
import { cancel } from "../steer/cancel-task.ts";
import type { SteerParts } from "../steer/steered-task.ts";
import { type BulkOutcome, type BulkRequest, bulkPage, outcomeOf, publishSome } from "./bulk-page.ts";

/** The parts that canceling many tasks uses. */
type CancelManyParts = FirstAttemptParts &
  CallParts &
  FinishParts &
  SteerParts &
  Pick<RequestContext, "background" | "clock">;

/** Answers of a task that has changed since it was read, or whose deliveries must be made again. */
const MOVED: ReadonlySet<EndAnswer["kind"]> = new Set([
  "changed",
  "stale",
  "config-changed",
  "deadline-passed",
]);

/**
 * Cancels the tasks of one page that have not ended, in as few requests to Redis as they fit into. A task that changes
 * meanwhile is canceled on its own.
 *
 * @param idempotencyOf the idempotency of one task's part of the request, by the task's id
 * @throws ApiError
 */
export async function cancelMany(
  ctx: CancelManyParts,
  caller: Client,
  request: BulkRequest,
  idempotencyOf: (task: string) => Promise<Idempotency | undefined>,
): Promise<BulkOutcome> {
  const page = await bulkPage(ctx, caller, request, "open");
  if (request.dryRun || page.records.length === 0) return outcomeOf(page, 0);
  const { config, now } = page;
  const ends = await Promise.all(
    page.records.map(async (record) => {
      const idempotency = await idempotencyOf(record.id);
      return endCommand(ctx, {
        ...{ record, config },
        authority: { by: "sequence", sequence: record.sequence, caller },
        ending: { status: "canceled" },
        ...{ actor: actorOf(caller), cause: "bulk" },
        ...(idempotency && { idempotency }),
        time: redisTime(now, ctx.clock),
      });
    }),
  );
  const answers = await ctx.store.endAll(ends.map(({ command }) => command));
  const moved: TaskRecord[] = [];
  const ended: Ended[] = [];
  for (const [index, { command, deliveries }] of ends.entries()) {
    const { record } = command;
    const answer = answers[index];
    if (answer === undefined) throw new Error("endAll answered too little");
    if (isDenied(answer)) throw denied(answer, "tasks:write");
    if (answer.kind === "ended") ended.push({ record, deliveries, answer });
    if (MOVED.has(answer.kind)) moved.push(record);
  }
  afterEnds(ctx, ended);
  let changed = ended.length;
  for (const { id } of moved) {
    if (await isCanceled(ctx, caller, id, await idempotencyOf(id))) changed += 1;
  }
  return outcomeOf(page, changed);
}

interface Ended {
  readonly record: TaskRecord;
  readonly deliveries: readonly NewDelivery[];
  readonly answer: Extract<EndAnswer, { kind: "ended" }>;
}

/** Publishes the first deliveries of canceled tasks, recalls their calls, and completes their batches. */
function afterEnds(ctx: CancelManyParts, ended: readonly Ended[]): void {
  const messages: QueueMessage[] = [];
  const calls: string[] = [];
  for (const { record, deliveries, answer } of ended) {
    const { now, queued } = openedOf(deliveries, answer.held);
    messages.push(...firstAttemptMessages(ctx, record.project, [...now, ...queued]));
    calls.push(...(record.calls ?? []));
    if (answer.batchDone && record.batch !== undefined)
      ctx.background.waitUntil(completeBatch(ctx, record.project, record.batch));
  }
  ctx.background.waitUntil(publishSome(ctx, messages));
  if (calls.length > 0) ctx.background.waitUntil(ctx.queue.cancel(...calls));
}

/** A task that has ended otherwise, or was erased meanwhile, is not canceled. */
async function isCanceled(
  ctx: CancelManyParts,
  caller: Client,
  id: string,
  idempotency: Idempotency | undefined,
): Promise<boolean> {
  try {
    return !(await cancel(ctx, caller, id, idempotency)).replayed;
  } catch (error) {
    if (error instanceof ApiError && ["task-already-ended", "not-found"].includes(error.code)) return false;
    throw error;
  }
}
