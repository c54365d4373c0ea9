import type { Dependencies } from "../../ports/dependencies.ts";
import { FetchFailure, type HttpFetcher } from "../../ports/fetcher.ts";
import { fault } from "../../shared/fault-point.ts";
import { DEFAULT_TIMEOUT, LEASE_RENEWAL, MAX_DEADLINE, MAX_TIMEOUT } from "../../shared/limits.ts";
import { errorText } from "../../shared/log/error-text.ts";
import { traceFrom, traceHeaders } from "../../shared/trace/trace-context.ts";
import type { AnyTask, TaskContext } from "../../task.ts";
import { attemptFields } from "../log-fields.ts";
import type { Progress, TaskRecord } from "../record.ts";
import { checkInput } from "../submit/check-input.ts";
import { underWay } from "./attempts-under-way.ts";
import {
  type Failed,
  isTaskError,
  outcomeOfReturned,
  outcomeOfThrown,
  type Returned,
} from "./handler-outcome.ts";
import { keepLease, type Lease, type LeaseParts } from "./lease.ts";
import { type Handover, handover, type TokenParts } from "./task-token.ts";

/** The parts that a handler uses. */
export type HandlerParts = LeaseParts &
  TokenParts &
  Pick<Dependencies, "log" | "tasks"> & { readonly fetcher: HttpFetcher };

/** The outcome of an attempt, before anything is written, and its handler's last report of progress. */
export type Executed = Outcome & { readonly progress?: Progress };

type Outcome =
  | Returned
  | { readonly kind: "expired" }
  /** Another holder has the task now, or it has ended: nothing may be written. */
  | { readonly kind: "lost" };

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
 * Aborts the signal of a handler that goes on after its attempt. One for all: most attempts end without a look at it.
 * Made with the first attempt: an error that is made while the modules load has V8 compile all of them once more.
 */
let over: Stopped | undefined;

/**
 * Runs the handler under its lease, its timeout and the task's deadline.
 *
 * @param onProgress called when reported progress was written
 */
export async function execute(
  deps: HandlerParts,
  record: TaskRecord,
  lease: Lease,
  time: () => number,
  onProgress?: (progress: Progress) => void,
): Promise<Executed> {
  const definition = deps.tasks.get(record.type);
  if (!definition) return refused("unknown-task-type", `This deployment no longer offers "${record.type}".`);
  const { json } = record.input;
  if (json === undefined) return inputGone(record);
  const input = checkInput(definition, JSON.parse(json));
  if (!input.ok) {
    const { failure } = input;
    if (failure !== undefined)
      deps.log("error", "schema-failed", { ...attemptFields(record), error: failure });
    return refused("invalid-input", "The task type has changed: it no longer accepts this input.");
  }
  const aborter = new AbortController();
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  stopped.catch(() => undefined); // the attempt may be over before anybody waits for it
  const stop = (reason: Stopped) => {
    aborter.abort(reason);
    reject(reason);
  };
  const keeper = keepLease(deps, record, lease, LEASE_RENEWAL, time, {
    gone: (why) =>
      stop(
        why === "expired"
          ? new Stopped("deadline", "The task's deadline has passed.")
          : new Stopped("lost", "The task was canceled, or its lease was lost."),
      ),
    progress: onProgress,
  });
  const timeout = Math.min(record.options.timeout ?? definition.timeout ?? DEFAULT_TIMEOUT, MAX_TIMEOUT);
  const timers = startTimers(timeout, record.deadlineAt - time(), stop);
  try {
    const handed = await Promise.race([stopped, handover(deps, record)]);
    const held = { ...handed, signal: aborter.signal, progress: keeper.progress };
    const context = contextOf(deps, record, input.value, held, timeout);
    const outcome = await Promise.race([settle(definition, context, record), stopped]);
    return withProgress(outcome, keeper.said());
  } catch (error) {
    return withProgress(explain(deps, record, error), keeper.said());
  } finally {
    for (const timer of timers) clearTimeout(timer);
    over ??= new Stopped("lost", "The attempt is over.");
    aborter.abort(over);
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
  const outcome = outcomeOfReturned(await underWay(record, () => definition.handler(context)));
  if (outcome.kind !== "waiting") return outcome;
  const heartbeat = outcome.heartbeat ?? options.heartbeatTimeout ?? definition.heartbeatTimeout;
  if (heartbeat === undefined) return { kind: "waiting" };
  return { kind: "waiting", heartbeat: Math.ceil(Math.min(heartbeat, MAX_DEADLINE)) }; // a type may declare any number
}

/**
 * @param timeout milliseconds that the attempt may take
 * @param left milliseconds until the task's deadline
 */
function startTimers(timeout: number, left: number, stop: (reason: Stopped) => void) {
  const timedOut = () => stop(new Stopped("timeout", `The attempt took longer than its ${timeout} ms.`));
  const expired = () => stop(new Stopped("deadline", "The task's deadline has passed."));
  const heedsDeadline = left < timeout && !fault("no-deadline-in-handler");
  if (heedsDeadline && left <= 0) expired(); // a timer of 0 ms might come after the handler has begun
  return [setTimeout(timedOut, timeout), ...(heedsDeadline && left > 0 ? [setTimeout(expired, left)] : [])];
}

function contextOf(
  deps: HandlerParts,
  record: TaskRecord,
  input: unknown,
  held: Handover & Pick<TaskContext<unknown>, "signal" | "progress">,
  timeout: number,
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
      metadata: { ...record.metadata }, // what the handler does to it is its own
    },
    fetch: (url, init = {}) => guardedFetch(deps, { signal, timeout }, String(url), traced(record, init)),
  };
}

/** A handler's request carries its attempt's trace, unless the handler has given one. */
function traced(record: TaskRecord, init: RequestInit): RequestInit {
  const headers = new Headers(init.headers);
  if (headers.has("traceparent")) return init;
  for (const [name, value] of Object.entries(traceHeaders(traceFrom(record)))) headers.set(name, value);
  return { ...init, headers };
}

/**
 * The guarded fetch with the platform's options: `manual` returns a redirect, `error` fails on one. It may take as long
 * as the attempt.
 */
async function guardedFetch(
  deps: HandlerParts,
  { signal, timeout }: { readonly signal: AbortSignal; readonly timeout: number },
  url: string,
  init: RequestInit,
): Promise<Response> {
  const { method, headers, body, redirect } = init;
  const response = await deps.fetcher.fetch(url, {
    redirect: redirect === "manual" || redirect === "error" ? "manual" : "follow",
    signal: init.signal ? AbortSignal.any([signal, init.signal]) : signal,
    timeout,
    ...(method !== undefined && { method }),
    ...(headers !== undefined && { headers }),
    ...(body !== undefined && body !== null && { body }),
  });
  if (redirect !== "error" || !REDIRECTS.has(response.status)) return response;
  await response.body?.cancel();
  throw new FetchFailure("redirect", `The answer was a redirect (${response.status}), which was not wanted.`);
}

/** https://fetch.spec.whatwg.org/#redirect-status */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The outcome when a handler ends without a return value; an error that is not a TaskError is logged. */
function explain(deps: HandlerParts, record: TaskRecord, error: unknown): Outcome {
  if (isStopped(error)) {
    if (error.why === "deadline") return { kind: "expired" };
    if (error.why === "lost") return { kind: "lost" };
    return { kind: "failed", error: { code: "timeout", message: error.message, retryable: true } };
  }
  if (!isTaskError(error)) {
    deps.log("error", "handler-failed", { ...attemptFields(record), error: errorText(error) });
  }
  return outcomeOfThrown(error);
}

function isStopped(error: unknown): error is Stopped {
  try {
    return error instanceof Stopped;
  } catch {
    return false; // a Proxy that refuses to be looked at
  }
}

/** The reason why there is no input. */
export function inputGone({ input }: Pick<TaskRecord, "input">): Failed {
  return input.undecryptable
    ? refused("undecryptable", "No configured master secret decrypts the task's input.")
    : refused("input-expired", "The task's input is no longer kept.");
}

function refused(code: string, message: string): Failed {
  return { kind: "failed", error: { code, message, retryable: false } };
}
