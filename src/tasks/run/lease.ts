import type { Dependencies } from "../../ports/dependencies.ts";
import type { RunStore } from "../../ports/stores/task-store.ts";
import { fault } from "../../shared/fault-point.ts";
import { PROGRESS_MESSAGE } from "../../shared/limits.ts";
import { attemptFields } from "../log-fields.ts";
import type { Progress, TaskRecord } from "../record.ts";
import { describe, progressOf } from "./handler-outcome.ts";

/** The parts that a lease uses. */
export type LeaseParts = Pick<Dependencies, "log"> & { readonly store: RunStore };

/** The lease of an attempt, as its holder knows it. */
export interface Lease {
  readonly id: string;
  /** It covers the whole attempt and is not renewed; its holder only asks now and then whether it still holds it. */
  readonly fixed?: true;
}

/** Progress is written at most this often, in milliseconds; the newest wins. */
const PROGRESS_INTERVAL = 1_000;

export interface LeaseKeeper {
  progress(progress: { percent?: number; message?: string }): void;
  /** The handler's last report, written or not. */
  said(): Progress | undefined;
  /** Stops renewing; resolves when no renewal is under way. */
  end(): Promise<void>;
}

/**
 * Renews a task's lease while its handler runs, progress riding along, and reports when it is gone.
 *
 * @param interval milliseconds between renewals
 * @param time Redis time
 * @param on.gone the deadline passed (`expired`), or somebody else holds the task or it has ended (`lost`)
 * @param on.progress it was written
 */
export function keepLease(
  deps: LeaseParts,
  record: TaskRecord,
  lease: Lease,
  interval: number,
  time: () => number,
  on: { gone(why: "expired" | "lost"): void; progress?: ((progress: Progress) => void) | undefined },
): LeaseKeeper {
  const { project, id: task, run, attempt } = record;
  let pending: Progress | undefined;
  let last: Progress | undefined;
  let written = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let due = time() + interval;
  let renewing: Promise<void> | undefined;
  let over = false;

  async function renew(): Promise<void> {
    const progress = pending;
    pending = undefined;
    if (progress) written = time();
    try {
      const answer = await deps.store.renew({
        project,
        task,
        run,
        attempt,
        lease: lease.id,
        ...(lease.fixed && { fixed: lease.fixed }),
        ...(record.held && { held: record.type }),
        ...(progress && { progress }),
      });
      if (answer.kind !== "renewed" && !over && !fault("no-fence-in-worker")) on.gone(answer.kind);
      if (answer.kind === "renewed" && progress && !over) on.progress?.(progress);
    } catch (error) {
      deps.log("warn", "renewal-failed", { ...attemptFields(record), reason: describe(error) });
      pending ??= progress;
    }
    due = time() + interval;
  }

  function schedule(): void {
    if (over || renewing !== undefined) return;
    clearTimeout(timer);
    const at = pending ? Math.min(due, written + PROGRESS_INTERVAL) : due;
    timer = setTimeout(
      () => {
        renewing = renew().finally(() => {
          renewing = undefined;
          schedule();
        });
      },
      Math.max(0, at - time()),
    );
  }

  schedule();
  return {
    progress(said) {
      const progress = over ? undefined : progressOf(said, PROGRESS_MESSAGE);
      if (!progress) return;
      pending = { ...progress, at: Math.floor(time()) };
      last = pending;
      schedule();
    },
    said: () => last,
    async end() {
      over = true;
      clearTimeout(timer);
      await renewing;
    },
  };
}
