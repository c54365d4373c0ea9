import type { Task } from "../../client/index.ts";
import { table } from "./output.ts";

/** A task for people. */
export function taskText(task: Task): string {
  const { id, type, status, run, attempt, maxAttempts, progress, error, callback, result } = task;
  const rows: (readonly [string, string | undefined])[] = [
    ["id", id],
    ["type", type],
    ["status", status],
    ["run", run > 1 ? `${run}` : undefined],
    ["attempt", `${attempt} of ${maxAttempts}`],
    ["created", task.createdAt],
    ["starts", status === "scheduled" ? task.notBefore : undefined],
    ["started", task.startedAt],
    ["ended", task.endedAt],
    ["deadline", task.done ? undefined : task.deadlineAt],
    ["progress", task.done || !progress ? undefined : progressText(progress)],
    ["metadata", Object.keys(task.metadata).length > 0 ? JSON.stringify(task.metadata) : undefined],
    ["error", error && `${error.code}: ${error.message}`],
    ["callback", callback && callbackText(callback)],
    ["result", result === undefined ? undefined : JSON.stringify(result, null, 2)],
  ];
  return table(rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

export function progressText({
  percent,
  message = "",
}: {
  readonly percent?: number;
  readonly message?: string;
}): string {
  return `${percent === undefined ? "" : `${percent} % `}${message}`.trim();
}

function callbackText({
  url,
  status,
  attempts,
  nextAttemptAt,
  lastError,
}: NonNullable<Task["callback"]>): string {
  const tried = attempts > 0 ? `, ${attempts} ${attempts === 1 ? "attempt" : "attempts"}` : "";
  const failed = lastError ? `, ${lastError.code}: ${lastError.message}` : "";
  return `${status}${tried}${failed}${nextAttemptAt ? `, next at ${nextAttemptAt}` : ""} ${url}`;
}
