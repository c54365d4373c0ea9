import { sendFirstAttempts, sendOpened } from "../../deliveries/first-attempts.ts";
import { fanOut, leased, openedOf } from "../../events/fan-out.ts";
import { announcementOf } from "../../events/task-events.ts";
import type { RequestContext } from "../../ports/dependencies.ts";
import type { TaskRecord } from "../record.ts";
import { expiry, type FinishInput, finishTask } from "./finish-task.ts";

/** A leased attempt whose work was handed on. */
export interface Suspending extends Omit<FinishInput, "ending" | "idempotency"> {
  /** Milliseconds that the bearer of the task's token may be silent. */
  readonly heartbeat?: number;
  /** Where a service is asked after the work, and which. */
  readonly poll?: { readonly url: string; readonly service: string };
}

/**
 * Leaves a task to the bearer of its token; says so to whoever asked to be told. Who was faster has been heard.
 *
 * @returns whether it waits now
 */
export async function suspend(ctx: RequestContext, held: Suspending): Promise<boolean> {
  const { authority, heartbeat, poll, progress } = held;
  const record = progress ? { ...held.record, progress } : held.record;
  let { config } = held;
  for (let attempt = 0; attempt < 5; attempt++) {
    const waiting: TaskRecord = { ...record, status: "waiting", sequence: record.sequence + 1 };
    const event = announcementOf(waiting, "task.waiting", Math.floor(held.time()));
    const made = await fanOut(ctx, config, event);
    const deliveries = authority.by === "lease" ? leased(ctx, made) : made;
    const answer = await ctx.store.end({
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
    });
    switch (answer.kind) {
      case "ended":
        await sendOpened(ctx, record.project, openedOf(deliveries, answer.held), { config, now: answer.now });
        return true;
      case "config-changed":
        config = answer.config;
        continue;
      case "deadline-passed": {
        const finished = await finishTask(ctx, {
          ...held,
          config,
          ending: expiry(record),
          cause: "deadline",
        });
        await sendFirstAttempts(ctx, record, finished);
        return false;
      }
      default:
        ctx.log("info", "outcome-not-written", { task: record.id, run: record.run, reason: answer.kind });
        return false;
    }
  }
  throw new Error(`Task ${record.id} could not be left waiting: its project's configuration keeps changing.`);
}
