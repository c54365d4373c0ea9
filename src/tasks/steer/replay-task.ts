import type { RequestContext } from "../../ports/dependencies.ts";
import type { SteerStore } from "../../ports/stores/task-store.ts";
import { denied } from "../../projects/denied.ts";
import type { Client } from "../../projects/principal.ts";
import { type FlowParts, runMessage } from "../../scheduling/flow-control.ts";
import { type PublishParts, publish } from "../../scheduling/publish.ts";
import { type Idempotency, reused } from "../../shared/idempotency.ts";
import { TASK_CHANGES, TASK_DELIVERIES } from "../../shared/limits.ts";
import { ApiError, undecryptable } from "../../shared/problems.ts";
import { CONFLICT, retryOnConflict } from "../../shared/retry-on-conflict.ts";
import type { TaskRecord } from "../record.ts";
import {
  keptChanging,
  look,
  missing,
  notEnded,
  readOwn,
  type SteeredTask,
  type SteerParts,
} from "./steered-task.ts";

/** The parts that a replay uses. */
type ReplayParts = FlowParts &
  PublishParts &
  SteerParts &
  Pick<RequestContext, "background" | "settings"> & { readonly store: SteerStore };

/**
 * Begins a new run of a task that has ended, with the same input and options.
 *
 * @throws ApiError `task-not-ended`, `input-expired`, `task-history-full`, `quota-exceeded` and those of the key
 */
export async function replay(
  ctx: ReplayParts,
  caller: Client,
  id: string,
  idempotency?: Idempotency,
): Promise<SteeredTask> {
  let { record } = await readOwn(ctx, caller, id);
  if (record.input.undecryptable) throw undecryptable("The task's input");
  const { maxOpen } = ctx.settings;
  return await retryOnConflict(
    async () => {
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
          return CONFLICT;
        case "pending":
          throw notEnded(ctx.settings, id);
        case "expired":
          throw new ApiError("input-expired", "The task's input is no longer kept: it cannot run again.");
        case "worn":
          throw new ApiError(
            "task-history-full",
            `The task's history has reached its limit: ${TASK_CHANGES} changes of state, ${TASK_DELIVERIES} deliveries.`,
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
    },
    () => {
      throw keptChanging(id);
    },
  );
}

async function publishRun(ctx: ReplayParts, record: TaskRecord): Promise<void> {
  await publish(ctx, await runMessage(ctx, record, 1, 0));
}
