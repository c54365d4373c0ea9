import type { Dependencies } from "../ports/dependencies.ts";
import type { ChoreStore } from "../ports/stores/due-store.ts";
import type { ErasureStore } from "../ports/stores/task-store.ts";
import { KEYS_PURGED } from "../shared/limits.ts";
import { errorText } from "../shared/log/error-text.ts";
import { type ResumeParts, startParked } from "./start-parked.ts";

/** The parts that chores use. */
export type ChoreParts = Pick<Dependencies, "log"> & { readonly store: ChoreStore & ErasureStore };

/** The same, and those of a resume. */
export type SweepChoreParts = ChoreParts & ResumeParts;

/** Parts of one erasure that are done in one go. */
const ERASED_PARTS = 10;

/**
 * Does a partition's next chores. A failed one is logged and comes up again, like one without enough time; it
 * stops no other.
 *
 * @param isTime whether there is time for one more
 */
export async function doChores(
  deps: SweepChoreParts,
  partition: number,
  isTime: () => boolean,
): Promise<void> {
  let left = KEYS_PURGED;
  for (const chore of await deps.store.takeChores(partition)) {
    if (!isTime()) return;
    try {
      if (chore.kind === "erase") await eraseRest(deps, chore.project, chore.task, isTime);
      else if (chore.kind === "resume") await startParked(deps, chore.project, isTime);
      else if (left > 0) left -= await deps.store.purgeKeys(chore.project, left);
    } catch (error) {
      deps.log("warn", "chore-failed", { ...chore, error: errorText(error) });
    }
  }
}

/** Erases the rest of a hidden task, as far as one invocation may; the sweep continues. */
export async function eraseRest(
  deps: ChoreParts,
  project: string,
  task: string,
  isTime: () => boolean = () => true,
): Promise<void> {
  for (let part = 0; part < ERASED_PARTS && isTime(); part++) {
    if (!(await deps.store.erasePart(project, task))) return;
  }
}
