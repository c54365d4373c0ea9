import { type FirstAttemptParts, sendFirstAttempts } from "../../deliveries/first-attempts.ts";
import type { RequestContext } from "../../ports/dependencies.ts";
import { actorOf } from "../../projects/actor.ts";
import { denied } from "../../projects/denied.ts";
import type { Client } from "../../projects/principal.ts";
import { type CallParts, recall } from "../../services/call-service.ts";
import { type Idempotency, reused } from "../../shared/idempotency.ts";
import { CONFLICT, retryOnConflict } from "../../shared/retry-on-conflict.ts";
import { redisTime } from "../../shared/time/redis-clock.ts";
import { type FinishParts, finishTask } from "../run/finish-task.ts";
import { isTerminal, type TaskStatus } from "../status.ts";
import {
  alreadyEnded,
  keptChanging,
  look,
  missing,
  readOwn,
  type SteeredTask,
  type SteerParts,
} from "./steered-task.ts";

/** The parts that a cancellation uses. */
type CancelParts = FirstAttemptParts &
  CallParts &
  FinishParts &
  SteerParts &
  Pick<RequestContext, "background" | "clock">;

/**
 * Cancels a task that has not ended. Its handler's signal aborts at the next renewal of its lease; its
 * later outcome changes nothing. A task that is canceled already stays so.
 *
 * @throws ApiError `task-already-ended` and those of the key
 */
export async function cancel(
  ctx: CancelParts,
  caller: Client,
  id: string,
  idempotency?: Idempotency,
): Promise<SteeredTask> {
  let found = await readOwn(ctx, caller, id);
  return await retryOnConflict(
    async () => {
      const { record, config, now } = found;
      const finished = await finishTask(ctx, {
        record,
        config,
        authority: { by: "sequence", sequence: record.sequence, caller },
        ending: { status: "canceled" },
        actor: actorOf(caller),
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
          return CONFLICT;
        case "stale":
          found = await readOwn(ctx, caller, id);
          return CONFLICT;
        case "gone":
          throw missing(id);
        case "unauthenticated":
        case "forbidden":
        case "unknown-project":
          throw denied(finished, "tasks:write");
        default:
          throw new Error(`finishTask answered "${finished.kind}"`);
      }
    },
    () => {
      throw keptChanging(id);
    },
  );
}

async function canceled(
  ctx: CancelParts,
  caller: Client,
  id: string,
  status: TaskStatus,
): Promise<SteeredTask> {
  if (status !== "canceled") throw alreadyEnded(status);
  return { ...(await look(ctx, caller, id)), replayed: false };
}
