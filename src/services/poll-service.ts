import type { Dependencies } from "../ports/dependencies.ts";
import { CallRefused, QueueUnavailable } from "../ports/errors.ts";
import type { ServiceQueue } from "../ports/queue.ts";
import type { RunStore, TaskReadStore } from "../ports/stores/task-store.ts";
import { system } from "../projects/principal.ts";
import { type FlowParts, flowOf } from "../scheduling/flow-control.ts";
import { DUE_GRACE } from "../shared/limits.ts";
import { traceFrom, traceHeaders } from "../shared/trace/trace-context.ts";
import { inSpan } from "../shared/trace/tracing.ts";
import { attemptFields } from "../tasks/log-fields.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { type Suspending, type SuspendParts, suspend } from "../tasks/run/suspend-task.ts";
import { outcomePath, timeoutOf } from "./call-service.ts";
import { readHttpRequest } from "./http-request.ts";
import type { Service } from "./service.ts";

/** The parts that the poll of a service uses. */
export type PollParts = FlowParts &
  SuspendParts &
  Pick<Dependencies, "log" | "services"> & {
    readonly store: RunStore & TaskReadStore;
    readonly queue: ServiceQueue;
  };

/** The next poll of a service that has accepted the work. */
export interface NextPoll {
  readonly service: Service;
  readonly url: string;
  /** Milliseconds. */
  readonly delay: number;
}

/** The service has accepted the work: the task waits, and the queue polls. */
export async function beginPolling(ctx: PollParts, held: Suspending, next: NextPoll): Promise<void> {
  const { record } = held;
  const heartbeat = expectedWithin(record, next) + DUE_GRACE;
  if (!(await suspend(ctx, { ...held, poll: { url: next.url, service: next.service.name }, heartbeat })))
    return;
  await sendPoll(ctx, record, 1, next);
}

/** The work is not done yet: the next poll is scheduled. */
export async function continuePolling(
  ctx: PollParts,
  record: TaskRecord,
  number: number,
  next: NextPoll,
): Promise<void> {
  const length = expectedWithin(record, next);
  const { url, service } = next;
  const nonce = crypto.randomUUID();
  if (!(await ctx.store.recordPoll({ record, number, url, service: service.name, length, nonce }))) {
    ctx.log("info", "outcome-stale", { ...attemptFields(record), poll: number });
    return;
  }
  await sendPoll(ctx, record, number, next);
}

/** The last poll got no answer in time: it is sent once more, and the task does not fail. */
export async function repeatPoll(ctx: PollParts, record: TaskRecord): Promise<void> {
  const { poll } = record;
  if (!poll) return;
  const service = ctx.services.get(poll.service ?? (await serviceOf(ctx, record)) ?? "");
  if (!service) return; // the deadline ends it
  await sendPoll(ctx, record, poll.number, { service, url: poll.url, delay: 0 });
}

/** Where a poll was noted before its service stood there, the task's input names it. */
async function serviceOf(ctx: PollParts, { project, id }: TaskRecord): Promise<string | undefined> {
  const found = await ctx.store.readTask(system(project), id, { input: true });
  const json = found.kind === "found" ? found.record.input.json : undefined;
  return json === undefined ? undefined : readHttpRequest(json).service;
}

function expectedWithin(record: TaskRecord, { service, delay }: NextPoll): number {
  return delay + timeoutOf(service, record, Number.NEGATIVE_INFINITY);
}

/** On any failure, the sweep finds the task silent and sends the poll again. */
async function sendPoll(deps: PollParts, record: TaskRecord, number: number, next: NextPoll): Promise<void> {
  const { service, url, delay } = next;
  try {
    await inSpan(`poll ${service.name}`, { kind: "client", parent: traceFrom(record) }, async (trace = "") =>
      deps.queue.call({
        url,
        method: "GET",
        headers: {
          "accept-encoding": "identity",
          ...traceHeaders(trace),
          ...service.headers,
        },
        secrets: Object.keys(service.headers),
        callback: outcomePath(service, record, number),
        timeout: timeoutOf(service, record, Number.NEGATIVE_INFINITY),
        delay,
        flow: await flowOf(deps, record, service),
      }),
    );
  } catch (error) {
    if (!(error instanceof QueueUnavailable || error instanceof CallRefused)) throw error;
    deps.log("warn", "publish-failed", { kind: "poll", ...attemptFields(record), reason: error.message });
  }
}
