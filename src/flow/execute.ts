import { DEFAULT_TIMEOUT, LEASE_RENEWAL, MAX_TIMEOUT } from "../domain/limits.ts";
import type { Failure, Progress, TaskRecord } from "../domain/record.ts";
import { RETRY_AFTER_LIMIT } from "../domain/schedule.ts";
import { type AnyTask, type TaskContext, TaskError, Waiting } from "../task.ts";
import { checkInput } from "./input.ts";
import { keepLease } from "./lease.ts";
import type { Parts } from "./parts.ts";
import { type Handover, handover } from "./task-token.ts";
import { underWay } from "./under-way.ts";

/** How an attempt went, before anything is written, and what its handler said last of how far it is. */
export type Executed = Outcome & { readonly progress?: Progress };

type Outcome =
  | { readonly kind: "succeeded"; readonly result?: string }
  | { readonly kind: "failed"; readonly error: Failure; readonly retryAfter?: number }
  /** The work was handed on; milliseconds that the bearer of the token may be silent. */
  | { readonly kind: "waiting"; readonly heartbeat?: number }
  | { readonly kind: "expired" }
  /** Somebody else holds the task now, or it has ended: nothing may be written. */
  | { readonly kind: "lost" };

/** Results larger than this, in characters of JSON, fail their task: Redis refuses requests over 10 MB. */
const RESULT_LIMIT = 8 * 1024 * 1024;

/** Why the handler's signal aborts. */
class Stopped extends Error {
  override readonly name = "AbortError";
  readonly why: "timeout" | "deadline" | "lost";

  constructor(why: Stopped["why"], message: string) {
    super(message);
    this.why = why;
  }
}

/**
 * Runs the handler under its lease, its timeout and the task's deadline.
 *
 * @param onProgress called when what the handler said of how far it is was written
 */
export async function execute(
  parts: Parts,
  record: TaskRecord,
  lease: string,
  time: () => number,
  onProgress?: (progress: Progress) => void,
): Promise<Executed> {
  const definition = parts.tasks.get(record.type);
  if (!definition) return refused("unknown-task-type", `This deployment no longer offers "${record.type}".`);
  if (record.input.json === undefined) return refused("input-expired", "The task's input is no longer kept.");
  const input = checkInput(definition, JSON.parse(record.input.json));
  if (!input.ok)
    return refused("invalid-input", "The task type has changed: it no longer accepts this input.");
  const stop = new AbortController();
  const keeper = keepLease(parts, record, lease, LEASE_RENEWAL, time, {
    gone: (why) => {
      stop.abort(
        why === "expired"
          ? new Stopped("deadline", "The task's deadline has passed.")
          : new Stopped("lost", "The task was canceled, or its lease was lost."),
      );
    },
    progress: onProgress,
  });
  const timers = startTimers(definition, record, time, stop);
  try {
    const held = { ...(await handover(parts, record)), signal: stop.signal, progress: keeper.progress };
    const context = contextOf(parts, record, input.value, held);
    const outcome = await Promise.race([settle(definition, context, record), stopped(stop.signal)]);
    return withProgress(outcome, keeper.said());
  } catch (error) {
    return withProgress(explain(parts, record, error), keeper.said());
  } finally {
    for (const timer of timers) clearTimeout(timer);
    stop.abort(new Stopped("lost", "The attempt is over."));
    await keeper.end();
  }
}

function withProgress(outcome: Outcome, progress: Progress | undefined): Executed {
  return progress ? { ...outcome, progress } : outcome;
}

async function settle(
  definition: AnyTask,
  context: TaskContext<unknown>,
  record: TaskRecord,
): Promise<Outcome> {
  const { options } = record;
  const value = await underWay(record, () => definition.handler(context));
  if (value instanceof Waiting) {
    const heartbeat = value.heartbeat ?? options.heartbeatTimeout ?? definition.heartbeatTimeout;
    return { kind: "waiting", ...(heartbeat !== undefined && { heartbeat }) };
  }
  if (value === undefined) return { kind: "succeeded" };
  const result: string | undefined = JSON.stringify(value);
  if (result === undefined) return refused("invalid-result", "The handler returned what JSON cannot hold.");
  if (result.length > RESULT_LIMIT)
    return refused("result-too-large", `The result exceeds ${RESULT_LIMIT} characters of JSON.`);
  return { kind: "succeeded", result };
}

function startTimers(definition: AnyTask, record: TaskRecord, time: () => number, stop: AbortController) {
  const timeout = Math.min(record.options.timeout ?? definition.timeout ?? DEFAULT_TIMEOUT, MAX_TIMEOUT);
  const timedOut = new Stopped("timeout", `The attempt took longer than its ${timeout} ms.`);
  const expired = new Stopped("deadline", "The task's deadline has passed.");
  const left = record.deadlineAt - time();
  return [
    setTimeout(() => stop.abort(timedOut), timeout),
    ...(left < timeout ? [setTimeout(() => stop.abort(expired), Math.max(0, left))] : []),
  ];
}

function stopped(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function contextOf(
  parts: Parts,
  record: TaskRecord,
  input: unknown,
  held: Handover & Pick<TaskContext<unknown>, "signal" | "progress">,
): TaskContext<unknown> {
  const { signal } = held;
  return {
    ...held,
    input,
    attempt: record.attempt,
    idempotencyKey: `${record.id}.${record.run}`,
    task: {
      id: record.id,
      type: record.type,
      run: record.run,
      project: record.project,
      createdAt: new Date(record.createdAt),
      deadlineAt: new Date(record.deadlineAt),
      metadata: record.metadata,
    },
    fetch: (url, init = {}) => {
      const { method, headers, body } = init;
      return parts.fetcher.fetch(String(url), {
        redirect: init.redirect === "manual" ? "manual" : "follow",
        signal: init.signal ? AbortSignal.any([signal, init.signal]) : signal,
        ...(method !== undefined && { method }),
        ...(headers !== undefined && { headers }),
        ...(body !== undefined && body !== null && { body }),
      });
    },
  };
}

/** What was thrown, as an outcome; what no TaskError says is logged and told in general words only. */
function explain(parts: Parts, record: TaskRecord, error: unknown): Outcome {
  if (error instanceof Stopped) {
    if (error.why === "deadline") return { kind: "expired" };
    if (error.why === "lost") return { kind: "lost" };
    return { kind: "failed", error: { code: "timeout", message: error.message, retryable: true } };
  }
  if (error instanceof TaskError) {
    const { code, message, retryable, retryAfter } = error;
    return {
      kind: "failed",
      error: { code, message, retryable },
      ...(retryAfter !== undefined && { retryAfter: Math.min(retryAfter, RETRY_AFTER_LIMIT) }),
    };
  }
  parts.log("error", "handler-failed", {
    task: record.id,
    type: record.type,
    attempt: record.attempt,
    error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  });
  return {
    kind: "failed",
    error: {
      code: "handler-failed",
      message: "The handler ended with an unexpected error.",
      retryable: true,
    },
  };
}

function refused(code: string, message: string): Outcome {
  return { kind: "failed", error: { code, message, retryable: false } };
}
