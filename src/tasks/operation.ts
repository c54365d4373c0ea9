import * as z from "zod/mini";
import { component, field, type Infer, opt, time, typeId } from "../shared/schema/schema.ts";
import type { Failure, TaskRecord } from "./record.ts";
import { failure, taskExample } from "./schema.ts";
import type { StoredStatus } from "./status.ts";
import { timestamp } from "./view.ts";

/*
 * A task as a status monitor, for clients that follow `Operation-Location`
 * (https://github.com/microsoft/api-guidelines/blob/vNext/azure/ConsiderationsForServiceDesign.md#long-running-operations).
 */

export const Operation = component(
  "Operation",
  () =>
    z.object({
      id: field(typeId("task"), "The task's id."),
      status: field(
        z.enum(["NotStarted", "Running", "Succeeded", "Failed", "Canceled"]),
        "`Failed` also for a task that has expired: `error.code` tells.",
      ),
      createdDateTime: field(time, "When the task was accepted."),
      lastActionDateTime: field(time, "When its state last changed, or its progress was last reported."),
      percentComplete: field(
        opt(z.number().check(z.minimum(0), z.maximum(100))),
        "How far the work is, where the handler says so; 100 once it succeeded.",
      ),
      resourceLocation: field(opt(z.url()), "Once it succeeded: its result."),
      error: field(opt(z.pick(failure(), { code: true, message: true })), "Why it failed or expired."),
    }),
  {
    description: "A task as a long-running operation.",
    example: {
      id: taskExample.id,
      status: "Running",
      createdDateTime: taskExample.createdAt,
      lastActionDateTime: "2026-11-24T09:00:02.000Z",
      percentComplete: 40,
    },
  },
);
export type Operation = Infer<typeof Operation>;

/** The operation of a task. @param resultUrl the address of its result */
export function operationView(record: TaskRecord, resultUrl: string): Operation {
  const { id, progress, timeline } = record;
  const status = operationStatus(record);
  const percent = status === "Succeeded" ? 100 : progress?.percent;
  const changed = Math.max(record.createdAt, timeline.at(-1)?.at ?? 0, progress?.at ?? 0);
  const { code, message } = reasonOf(record);
  return {
    id,
    status,
    createdDateTime: timestamp(record.createdAt),
    lastActionDateTime: timestamp(changed),
    ...(percent !== undefined && { percentComplete: percent }),
    ...(status === "Succeeded" && { resourceLocation: resultUrl }),
    ...(status === "Failed" && { error: { code, message } }),
  };
}

const STATUS = {
  queued: "NotStarted",
  running: "Running",
  waiting: "Running",
  succeeded: "Succeeded",
  failed: "Failed",
  canceled: "Canceled",
  expired: "Failed",
} as const satisfies Readonly<Record<StoredStatus, Operation["status"]>>;

/** Between two attempts the operation is running: it never goes back to `NotStarted`, except by a replay. */
function operationStatus({ status, attempt }: TaskRecord): Operation["status"] {
  return status === "queued" && attempt > 0 ? "Running" : STATUS[status];
}

/** Why a task that has ended has no result. The error of a canceled task would be that of an earlier attempt. */
export function reasonOf({ status, error }: TaskRecord): Failure {
  if (error && status !== "canceled") return error;
  return { code: status, message: `The task is ${status}.`, retryable: false };
}
