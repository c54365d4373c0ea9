import type { SerializeParts } from "../../events/serialize-event.ts";
import type { Dependencies } from "../../ports/dependencies.ts";
import type { QueueMessage } from "../../ports/queue.ts";
import type { BatchStore } from "../../ports/stores/batch-store.ts";
import { system } from "../../projects/principal.ts";
import { type FlowParts, firstAttemptMessages } from "../../scheduling/flow-control.ts";
import { type PublishParts, publishAll } from "../../scheduling/publish.ts";
import { CONFLICT, retryOnConflict } from "../../shared/retry-on-conflict.ts";
import { traceIdOf } from "../../shared/trace/trace-context.ts";
import { batchDeliveries } from "./batch-event.ts";
import type { BatchRecord } from "./record.ts";

/** The parts that the completion of a batch uses. */
export type BatchParts = SerializeParts &
  FlowParts &
  PublishParts &
  Pick<Dependencies, "log"> & { readonly store: BatchStore };

/**
 * Opens the one event of a batch whose tasks have all ended, and publishes its deliveries. A caller that is stopped here
 * loses nothing: the batch is due, and the sweep does the same.
 */
export async function completeBatch(deps: BatchParts, project: string, batch: string): Promise<void> {
  await publishAll(deps, await opened(deps, project, batch));
}

async function opened(deps: BatchParts, project: string, batch: string): Promise<readonly QueueMessage[]> {
  const found = await deps.store.readBatch(system(project), batch);
  if (found.kind !== "found") return [];
  const { record, now } = found;
  let { config } = found;
  return await retryOnConflict(
    async () => {
      const deliveries = await batchDeliveries(deps, record, config, now);
      const answer = await deps.store.completeBatch({
        record,
        completedAt: now,
        deliveries,
        configVersion: config.version,
        nonce: crypto.randomUUID(),
      });
      if (answer.kind === "config-changed") {
        config = answer.config;
        return CONFLICT;
      }
      if (answer.kind !== "completed") return [];
      logCompleted(deps, record, now);
      return firstAttemptMessages(deps, project, deliveries);
    },
    () => {
      throw new Error(`Batch ${batch} could not be completed: its project's configuration keeps changing.`);
    },
  );
}

function logCompleted({ log }: BatchParts, record: BatchRecord, now: number): void {
  log("info", "batch-completed", {
    project: record.project,
    batch: record.id,
    tasks: record.tasks.length,
    totalMs: Math.max(0, Math.round(now - record.createdAt)),
    traceId: traceIdOf({ id: record.id, trace: record.trace }),
  });
}

/** All items of a batch were accepted or refused: it is complete when the accepted ones have ended already. */
export async function settleBatch(
  deps: BatchParts,
  project: string,
  batch: { readonly id: string; readonly idempotencyHash?: string },
  keep: boolean,
): Promise<void> {
  const { id, idempotencyHash } = batch;
  const settled = await deps.store.settleBatch({
    project,
    batch: id,
    tasks: [],
    keep,
    ...(idempotencyHash !== undefined && { idempotencyHash }),
  });
  if (settled === "due") await completeBatch(deps, project, id);
}

/**
 * Looks after a batch that is due: it was interrupted as its tasks were accepted, or before its event was opened; or an
 * older gateway has ended some of its tasks without counting them. A batch that turns out to be complete is due at once.
 */
export async function mendBatch(deps: BatchParts, record: BatchRecord): Promise<void> {
  const { project, id, idempotencyHash } = record;
  const open = record.tasks.filter((task) => task.ended === undefined);
  if (record.status === "open" && open.length === 0) return completeBatch(deps, project, id);
  const settled = await deps.store.settleBatch({
    project,
    batch: id,
    tasks: open.map((task) => task.id),
    keep: false,
    ...(idempotencyHash !== undefined && { idempotencyHash }),
  });
  if (settled === "dropped") deps.log("warn", "batch-dropped", { project, batch: id });
}
