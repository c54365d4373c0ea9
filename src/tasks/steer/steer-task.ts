import { sendFirstAttempts } from "../../deliveries/first-attempts.ts";
import type { RequestContext } from "../../ports/dependencies.ts";
import { StoreUnavailable } from "../../ports/ports.ts";
import type { Caller, StoredConfig } from "../../projects/caller.ts";
import { denied } from "../../projects/denied.ts";
import { eraseRest } from "../../scheduling/chores.ts";
import { runMessage } from "../../scheduling/flow-control.ts";
import { publish } from "../../scheduling/publish.ts";
import { recall } from "../../services/call-service.ts";
import { isId } from "../../shared/id.ts";
import { type Idempotency, reused } from "../../shared/idempotency.ts";
import { TASK_CHANGES, TASK_DELIVERIES } from "../../shared/limits.ts";
import { ApiError, undecryptable } from "../../shared/problems.ts";
import { redisTime } from "../../shared/redis-clock.ts";
import { type FoundTask, getTask } from "../read/get-task.ts";
import type { TaskRecord } from "../record.ts";
import { internalCaller } from "../run/fail-attempt.ts";
import { finishTask } from "../run/finish-task.ts";
import { isTerminal, type TaskStatus } from "../status.ts";

/** How often something that somebody else keeps moving is tried. */
const ROUNDS = 5;

/** A task after it was steered; `replayed`: the same idempotency key had steered it before. */
export type SteeredTask = FoundTask & { readonly replayed: boolean };

/**
 * Cancels a task that has not ended. Its handler's signal aborts at the next renewal of its lease; what it brings
 * later changes nothing. A task that is canceled already stays so.
 *
 * @throws ApiError `task-already-ended` and those of the key
 */
export async function cancel(
  ctx: RequestContext,
  caller: Caller,
  id: string,
  idempotency?: Idempotency,
): Promise<SteeredTask> {
  let found = await readOwn(ctx, caller, id);
  for (let round = 0; round < ROUNDS; round++) {
    const { record, config, now } = found;
    const finished = await finishTask(ctx, {
      record,
      config,
      authority: { by: "sequence", sequence: record.sequence },
      ending: { status: "canceled" },
      actor: "client",
      caller,
      ...(idempotency && { idempotency }),
      time: redisTime(now, ctx.clock),
    });
    switch (finished.kind) {
      case "ended":
        ctx.background.waitUntil(sendFirstAttempts(ctx, record, finished));
        ctx.background.waitUntil(recall(ctx, record));
        return canceled(ctx, caller, id, finished.ending.status);
      case "already":
        return canceled(ctx, caller, id, finished.status);
      case "repeated": {
        const { status } = finished.record;
        return {
          ...(await canceled(ctx, caller, id, isTerminal(status) ? status : "canceled")),
          replayed: true,
        };
      }
      case "reused":
        throw reused();
      case "changed":
        found = { ...found, record: finished.record, now: finished.now };
        continue;
      case "stale":
        found = await readOwn(ctx, caller, id);
        continue;
      case "gone":
        throw missing(id);
      case "unauthenticated":
      case "forbidden":
        throw denied(finished, "tasks:write");
      default:
        throw new Error(`conclude answered "${finished.kind}"`);
    }
  }
  throw keptChanging(id);
}

async function canceled(
  ctx: RequestContext,
  caller: Caller,
  id: string,
  status: TaskStatus,
): Promise<SteeredTask> {
  if (status !== "canceled") throw alreadyEnded(status);
  return { ...(await look(ctx, caller, id)), replayed: false };
}

/**
 * Begins a new run of a task that has ended, with the same input and options.
 *
 * @throws ApiError `task-not-ended`, `input-expired`, `task-history-full`, `quota-exceeded` and those of the key
 */
export async function replay(
  ctx: RequestContext,
  caller: Caller,
  id: string,
  idempotency?: Idempotency,
): Promise<SteeredTask> {
  let { record } = await readOwn(ctx, caller, id);
  if (record.input.undecryptable) throw undecryptable("The task's input");
  const { maxOpen } = ctx.settings;
  for (let round = 0; round < ROUNDS; round++) {
    const answer = await ctx.store.replay({
      caller,
      record,
      ...(idempotency && { idempotency }),
      maxOpen,
      nonce: crypto.randomUUID(),
    });
    switch (answer.kind) {
      case "replayed":
        ctx.background.waitUntil(publishRun(ctx, answer.record));
        return { record: answer.record, now: answer.now, replayed: false };
      case "repeated":
        return { ...(await look(ctx, caller, id)), replayed: true };
      case "changed":
        record = answer.record;
        continue;
      case "pending":
        throw notEnded(id);
      case "expired":
        throw new ApiError("input-expired", "The task's input is no longer kept: it cannot run again.");
      case "worn":
        throw new ApiError(
          "task-history-full",
          `The task's history is as long as it may be: ${TASK_CHANGES} changes of state, ${TASK_DELIVERIES} deliveries.`,
        );
      case "quota":
        throw new ApiError("quota-exceeded", `This project has ${maxOpen} tasks that have not ended.`, {
          retryAfter: 10_000,
        });
      case "reused":
        throw reused();
      case "missing":
        throw missing(id);
      case "found":
        throw new Error("replay answered as a read");
      default:
        throw denied(answer, "tasks:write");
    }
  }
  throw keptChanging(id);
}

async function publishRun(ctx: RequestContext, record: TaskRecord): Promise<void> {
  await publish(ctx, await runMessage(ctx, record, 1, 0));
}

/**
 * Erases a task that has ended, and everything that was made for it. It is hidden at once; what is much goes in steps,
 * which the sweep finishes.
 *
 * @throws ApiError `task-not-ended` and those of the key
 */
export async function deleteTask(ctx: RequestContext, caller: Caller, id: string): Promise<void> {
  let { record } = await readOwn(ctx, caller, id);
  for (let round = 0; round < ROUNDS; round++) {
    const answer = await ctx.store.deleteTask({ caller, record });
    switch (answer.kind) {
      case "erased":
        return eraseParts(ctx, record);
      // It was there a moment ago: this call's first sending has hidden it, or somebody else's.
      case "missing":
        return;
      case "changed":
        record = answer.record;
        continue;
      case "pending":
        throw notEnded(id);
      default:
        throw denied(answer, "tasks:write");
    }
  }
  throw keptChanging(id);
}

/** The first part before the answer, the rest next to it. A failure costs time alone: the sweep goes on. */
async function eraseParts(ctx: RequestContext, { project, id }: TaskRecord): Promise<void> {
  try {
    if (await ctx.store.erasePart(project, id)) ctx.background.waitUntil(eraseRest(ctx, project, id));
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    ctx.log("warn", "erasure-put-off", { task: id, reason: error.message });
  }
}

/** Reads a task for a key that may steer it. @throws ApiError */
async function readOwn(ctx: RequestContext, caller: Caller, id: string) {
  if (!isId("task", id)) throw missing(id);
  const [allowed, found] = await Promise.all([
    ctx.store.readConfig(caller, "tasks:write"),
    ctx.store.readTask(internalCaller(caller.project), id),
  ]);
  if (allowed.kind === "unauthenticated" || allowed.kind === "forbidden")
    throw denied(allowed, "tasks:write");
  if (found.kind !== "found") throw missing(id);
  const config: StoredConfig = allowed.kind === "found" ? allowed.config : { version: 0, json: "{}" };
  return { record: found.record, now: found.now, config };
}

/** The task as it is now, for a caller whose key has been checked. */
function look(ctx: RequestContext, { project }: Caller, id: string): Promise<FoundTask> {
  return getTask(ctx, internalCaller(project), id, { result: true });
}

export function alreadyEnded(status: TaskStatus): ApiError {
  return new ApiError("task-already-ended", `The task has already ended: it is ${status}.`);
}

function notEnded(id: string): ApiError {
  return new ApiError("task-not-ended", `Task "${id}" has not ended: cancel it, or wait for its end.`);
}

function missing(id: string): ApiError {
  return new ApiError("not-found", `There is no task "${id}" in this project.`);
}

function keptChanging(id: string): Error {
  return new Error(`Task ${id} kept changing while it was steered.`);
}
