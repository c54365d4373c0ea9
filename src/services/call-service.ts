import type { Dependencies } from "../ports/dependencies.ts";
import { CallRefused, QueueUnavailable } from "../ports/errors.ts";
import type { ServiceCall, ServiceQueue } from "../ports/queue.ts";
import type { RunStore } from "../ports/stores/task-store.ts";
import { type FlowParts, flowOf } from "../scheduling/flow-control.ts";
import { traceFrom, traceHeaders } from "../shared/trace/trace-context.ts";
import { failSpan, inSpan } from "../shared/trace/tracing.ts";
import { attemptFields } from "../tasks/log-fields.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { attemptSpan } from "../tasks/run/attempt-span.ts";
import { inputGone } from "../tasks/run/execute-handler.ts";
import { handover, type TokenParts } from "../tasks/run/task-token.ts";
import { type PlainRequest, plainRequest, readHttpRequest } from "./http-request.ts";
import type { Service } from "./service.ts";

/** The parts that the call of a service uses. */
export type CallParts = FlowParts &
  TokenParts &
  Pick<Dependencies, "log" | "services" | "tasks"> & {
    readonly store: RunStore;
    readonly queue: ServiceQueue;
  };

/**
 * How much longer than a call its lease is, in milliseconds: the outcome may come late, because the gateway was away
 * (QStash repeats it for five and a half minutes). Without an outcome by then, the service is called again.
 */
export const OUTCOME_MARGIN = 420_000;

/** How long an attempt is left alone while it is unknown whether the queue holds its call, in milliseconds. */
const UNKNOWN_LEASE = 60_000;

/** The result of a call's start: the queue has it, the attempt was over already, or it cannot be made. */
export type Called =
  | { readonly kind: "called" | "stale" }
  | { readonly kind: "failed"; readonly code: string; readonly message: string; readonly retryable: boolean };

/**
 * Has the queue call the service for one attempt, and records it. When the gateway dies between the two, the sweep
 * makes the queue call once more: the same `Idempotency-Key` is sent, and the first outcome counts.
 *
 * @param record the task, at the attempt that the call is for
 * @param json the task's input
 * @param now Redis time
 * @throws QueueUnavailable, StoreUnavailable
 */
export async function callService(
  deps: CallParts,
  record: TaskRecord,
  json: string | undefined,
  now: number,
): Promise<Called> {
  if (json === undefined) return { kind: "failed", ...inputGone(record).error };
  const request = readHttpRequest(json);
  const service = deps.services.get(request.service);
  if (!service)
    return impossible("unknown-service", `There is no service "${request.service}" in this deployment.`);
  const definition = deps.tasks.get(record.type);
  if (!definition) return impossible("unknown-task-type", `"${record.type}" is not offered any more.`);
  const plain = plainRequest(service, request);
  const timeout = timeoutOf(service, record, now);
  await recall(deps, record);
  try {
    const message = await inSpan(
      `call ${service.name}`,
      { kind: "client", parent: traceFrom(record) },
      async (trace = "") => deps.queue.call(await callOf(deps, service, record, plain, trace, timeout)),
    );
    const length = timeout + OUTCOME_MARGIN;
    return await note(deps, record, message, length);
  } catch (error) {
    if (!(error instanceof CallRefused)) throw error;
    return impossible("call-refused", error.message);
  }
}

/** Records a message; a message of an attempt that is over is withdrawn. */
async function note(deps: CallParts, record: TaskRecord, message: string, length: number): Promise<Called> {
  const { project, id: task, run, attempt } = record;
  const noted = await deps.store.recordCall({ project, task, run, attempt, message, length });
  if (noted.kind === "published") return { kind: "called" };
  await deps.queue.cancel(message);
  return { kind: "stale" };
}

function impossible(code: string, message: string): Called {
  return { kind: "failed", code, message, retryable: false };
}

async function callOf(
  deps: CallParts,
  service: Service,
  record: TaskRecord,
  plain: PlainRequest,
  trace: string,
  timeout: number,
): Promise<ServiceCall> {
  const headers: Record<string, string> = {
    "accept-encoding": "identity",
    ...withoutTrace(plain.headers),
    ...traceHeaders(trace),
    "idempotency-key": `${record.id}.${record.run}`,
    ...service.headers,
  };
  const secrets = Object.keys(service.headers);
  if (service.completion === "token") {
    const { token, completionUrl } = await handover(deps, record);
    headers["ringback-task-token"] = token;
    headers["ringback-completion-url"] = completionUrl;
    secrets.push("ringback-task-token", "ringback-completion-url");
  }
  return {
    ...plain,
    headers,
    secrets,
    callback: outcomePath(service, record),
    timeout,
    delay: 0,
    flow: await flowOf(deps, record, service),
  };
}

/** The service gets one `traceparent`, ours, which continues the one that the client gave. */
function withoutTrace({ traceparent: _parent, tracestate: _state, ...headers }: PlainRequest["headers"]) {
  return headers;
}

/** A call ends before its task does. */
export function timeoutOf(service: Service, { options, deadlineAt }: TaskRecord, now: number): number {
  return Math.max(1_000, Math.min(service.timeout, options.timeout ?? service.timeout, deadlineAt - now));
}

/** The address of the outcome report; QStash signs it together with its query. */
export function outcomePath(service: Service, record: TaskRecord, poll?: number): string {
  const { project, id, run, attempt } = record;
  const query = new URLSearchParams({ project, task: id, run: `${run}`, attempt: `${attempt}` });
  query.set("service", service.name);
  if (poll !== undefined) query.set("poll", `${poll}`);
  return `/internal/outcome?${query}`;
}

/**
 * Whether the queue may still hold a call of this attempt: it waits in its service's line, and must not be repeated.
 * Then the lease is prolonged by as much as the attempt is old; where the queue does not say, until it is asked again.
 *
 * @param now Redis time
 */
export async function isHeld(deps: CallParts, record: TaskRecord, now: number): Promise<boolean> {
  const { project, id: task, run, attempt } = record;
  for (const message of record.calls ?? []) {
    const state = await stateOf(deps, message);
    if (state === "gone") continue;
    if (state === "unknown") deps.log("warn", "call-unknown", attemptFields(record));
    const age = Math.max(0, now - (record.startedAt ?? now));
    const length = state === "held" ? OUTCOME_MARGIN + age : UNKNOWN_LEASE;
    await deps.store.recordCall({ project, task, run, attempt, message, length, held: true });
    return true;
  }
  return false;
}

async function stateOf({ queue }: CallParts, message: string): Promise<"held" | "gone" | "unknown"> {
  try {
    return (await queue.holds(message)) ? "held" : "gone";
  } catch (error) {
    if (!(error instanceof QueueUnavailable)) throw error;
    return "unknown";
  }
}

/** Withdraws a task's calls that the queue may still hold; the outcome of a call in flight is ignored. */
export async function recall(deps: CallParts, { calls = [] }: TaskRecord): Promise<void> {
  if (calls.length > 0) await deps.queue.cancel(...calls);
}

/**
 * Calls the service of a task that was accepted just now, without the detour over a message to ourselves. On any
 * failure, the due entry makes up for it.
 */
export async function callFirst(
  ctx: CallParts,
  record: TaskRecord,
  json: string,
  now: number,
): Promise<void> {
  try {
    await attemptSpan({ ...record, attempt: 1 }, undefined, async (first, span) => {
      const called = await callService(ctx, first, json, now);
      if (called.kind !== "failed") return;
      failSpan(span, called.code);
      ctx.log("warn", "call-failed", { ...attemptFields(first), code: called.code });
    });
  } catch (error) {
    if (!(error instanceof QueueUnavailable)) throw error;
    ctx.log("warn", "publish-failed", { kind: "call", ...attemptFields(record), reason: error.message });
  }
}
