import { traceFrom } from "../../shared/trace/trace-context.ts";
import { type ActiveSpan, inSpan } from "../../shared/trace/tracing.ts";
import type { TaskRecord } from "../record.ts";

/**
 * Runs one attempt of a task in a span of its own. All attempts continue the task's trace; each is linked to the one
 * before it.
 *
 * @param cause the `traceparent` of the submit or the attempt that asked for it
 * @param work gets the record with the attempt's own trace, which the attempt's requests carry
 */
export function attemptSpan<T>(
  record: TaskRecord,
  cause: string | undefined,
  work: (record: TaskRecord, span: ActiveSpan) => Promise<T>,
): Promise<T> {
  const attributes = {
    "ringback.project": record.project,
    "ringback.task.id": record.id,
    "ringback.task.type": record.type,
    "ringback.run": record.run,
    "ringback.attempt": record.attempt,
  };
  return inSpan(
    `attempt ${record.type}`,
    { kind: "consumer", parent: traceFrom(record), cause, attributes },
    // Without a span the task's own trace is not stored again with each delivery: it follows from the task's id.
    (trace, span) => work(span && trace !== undefined ? { ...record, trace } : record, span),
  );
}
