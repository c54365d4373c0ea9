import { timestamp } from "../view.ts";
import type { BatchRecord } from "./record.ts";
import type { Batch, BatchData } from "./schema.ts";

/** A batch as clients read it. */
export function batchView(record: BatchRecord, publicUrl: string): Batch {
  const { id, metadata, callbackUrl, completedAt } = record;
  const { total, ...ended } = countsOf(record);
  const open = record.tasks.filter((task) => task.ended === undefined).length;
  return {
    id,
    status: record.status === "completed" ? "completed" : "open",
    counts: { total, open, ...ended },
    metadata,
    ...(callbackUrl !== undefined && { callbackUrl }),
    createdAt: timestamp(record.createdAt),
    ...(completedAt !== undefined && { completedAt: timestamp(completedAt) }),
    tasks: record.tasks,
    links: linksOf(record, publicUrl),
  };
}

/** The data of its event, `batch.completed`. */
export function batchData(record: BatchRecord, publicUrl: string): BatchData {
  const { id, project, metadata } = record;
  return { id, project, counts: countsOf(record), metadata, links: linksOf(record, publicUrl) };
}

function countsOf({ tasks }: BatchRecord): BatchData["counts"] {
  const counts = { total: tasks.length, succeeded: 0, failed: 0, canceled: 0, expired: 0 };
  for (const { ended } of tasks) if (ended !== undefined) counts[ended] += 1;
  return counts;
}

function linksOf({ id }: BatchRecord, publicUrl: string) {
  return { self: `${publicUrl}/v1/batches/${id}` };
}
