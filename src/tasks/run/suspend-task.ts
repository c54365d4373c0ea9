import { type FirstAttemptParts, sendFirstAttempts, sendOpened } from "../../deliveries/first-attempts.ts";
import { type FanOutParts, fanOut, leased, openedOf } from "../../events/fan-out.ts";
import { announcementOf, type Ending } from "../../events/task-events.ts";
import type { Dependencies } from "../../ports/dependencies.ts";
import { StoreRefused } from "../../ports/errors.ts";
import { CONFLICT, retryOnConflict } from "../../shared/retry-on-conflict.ts";
import { attemptFields } from "../log-fields.ts";
import type { TaskRecord } from "../record.ts";
import {
  expiry,
  type FinishInput,
  type FinishParts,
  finishTask,
  refusalOf,
  unstorable,
} from "./finish-task.ts";

/** The parts that handing a task on uses. */
export type SuspendParts = FirstAttemptParts & FanOutParts & FinishParts & Pick<Dependencies, "log">;

/** A leased attempt whose work was handed on. */
export interface Suspending extends Omit<FinishInput, "ending" | "idempotency"> {
  /** Milliseconds that the bearer of the task's token may be silent. */
  readonly heartbeat?: number;
  /** The first poll after the work: address and service. */
  readonly poll?: { readonly url: string; readonly service: string };
}

/**
 * Leaves a task to the bearer of its token, and announces that it waits. Does nothing when the bearer was faster.
 *
 * @returns whether it waits now
 */
export async function suspend(ctx: SuspendParts, held: Suspending): Promise<boolean> {
  const { authority, heartbeat, poll, progress } = held;
  const record = progress ? { ...held.record, progress } : held.record;
  let { config } = held;
  return await retryOnConflict(
    async () => {
      const waiting: TaskRecord = { ...record, status: "waiting", sequence: record.sequence + 1 };
      const event = announcementOf(waiting, "task.waiting", Math.floor(held.time()));
      const made = await fanOut(ctx, config, event);
      const deliveries = authority.by === "lease" && !held.byQueue ? leased(ctx, made) : made;
      const answer = await ctx.store
        .end({
          record,
          authority,
          outcome: {
            kind: "waiting",
            deliveries,
            ...(heartbeat !== undefined && { heartbeat }),
            ...(poll !== undefined && { poll }),
          },
          actor: held.actor,
          ...(progress && { progress }),
          configVersion: config.version,
          nonce: crypto.randomUUID(),
        })
        .catch(refusalOf);
      if (answer instanceof StoreRefused) {
        ctx.log("warn", "wait-not-stored", { ...attemptFields(record), reason: answer.message });
        const error = unstorable(answer, "state of the waiting task");
        return await endInstead(ctx, { ...held, config }, { status: "failed", error }, error.code);
      }
      switch (answer.kind) {
        case "ended":
          await sendOpened(ctx, record.project, openedOf(deliveries, answer.held, held.byQueue), {
            config,
            now: answer.now,
          });
          return true;
        case "config-changed":
          config = answer.config;
          return CONFLICT;
        case "deadline-passed":
          return await endInstead(ctx, { ...held, config }, expiry(record), "deadline");
        default:
          ctx.log("info", "outcome-not-written", { ...attemptFields(record), reason: answer.kind });
          return false;
      }
    },
    () => {
      throw new Error(
        `Task ${record.id} could not be left waiting: its project's configuration keeps changing.`,
      );
    },
  );
}

/** It cannot wait: it ends. */
async function endInstead(
  ctx: SuspendParts,
  held: Suspending,
  ending: Ending,
  cause: string,
): Promise<false> {
  await sendFirstAttempts(ctx, held.record, await finishTask(ctx, { ...held, ending, cause }));
  return false;
}
