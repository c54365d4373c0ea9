import type { RequestContext } from "../../ports/dependencies.ts";
import { StoreUnavailable } from "../../ports/errors.ts";
import type { ErasureStore, SteerStore } from "../../ports/stores/task-store.ts";
import { denied } from "../../projects/denied.ts";
import type { Client } from "../../projects/principal.ts";
import { type ChoreParts, eraseRest } from "../../scheduling/chores.ts";
import { CONFLICT, retryOnConflict } from "../../shared/retry-on-conflict.ts";
import { attemptFields } from "../log-fields.ts";
import type { TaskRecord } from "../record.ts";
import { keptChanging, notEnded, readOwn, type SteerParts } from "./steered-task.ts";

/** The parts that an erasure uses. */
type DeleteParts = ChoreParts &
  SteerParts &
  Pick<RequestContext, "background" | "log" | "settings"> & { readonly store: ErasureStore & SteerStore };

/**
 * Erases a task that has ended, and everything that was made for it. It is hidden at once; large ones are erased in
 * steps, which the sweep finishes.
 *
 * @throws ApiError `task-not-ended` and those of the key
 */
export async function deleteTask(ctx: DeleteParts, caller: Client, id: string): Promise<void> {
  let { record } = await readOwn(ctx, caller, id);
  return await retryOnConflict(
    async () => {
      const answer = await ctx.store.deleteTask({ caller, record });
      switch (answer.kind) {
        case "erased":
          return eraseParts(ctx, record);
        // It existed a moment ago: an earlier sending of this call has hidden it, or another caller has.
        case "missing":
          return;
        case "changed":
          record = answer.record;
          return CONFLICT;
        case "pending":
          throw notEnded(ctx.settings, id);
        default:
          throw denied(answer, "tasks:write");
      }
    },
    () => {
      throw keptChanging(id);
    },
  );
}

/** The first part before the answer, the rest next to it. A failure costs time alone: the sweep goes on. */
async function eraseParts(ctx: DeleteParts, record: TaskRecord): Promise<void> {
  const { project, id } = record;
  try {
    if (await ctx.store.erasePart(project, id)) ctx.background.waitUntil(eraseRest(ctx, project, id));
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    ctx.log("warn", "erasure-put-off", { ...attemptFields(record), reason: error.message });
  }
}
