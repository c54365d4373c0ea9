import type { LogFields } from "../shared/log/log.ts";
import { traceIdOf } from "../shared/trace/trace-context.ts";
import type { TaskRecord } from "./record.ts";

/** The fields that name an attempt of a task in a line of the log. */
export function attemptFields(
  record: Pick<TaskRecord, "project" | "id" | "type" | "run" | "attempt" | "trace">,
): LogFields {
  const { project, id: task, type, run, attempt } = record;
  return { project, task, type, run, attempt, traceId: traceIdOf(record) };
}
