import { DUE_GRACE } from "../shared/limits.ts";
import { type TaskRecord, traceHeaders } from "../tasks/record.ts";
import type { Service } from "./service.ts";
import { outcomePath, timeoutOf } from "./call-service.ts";
import { internalCaller } from "../tasks/run/fail-attempt.ts";
import { flowOf } from "../scheduling/flow-control.ts";
import { readHttpRequest } from "./http-request.ts";
import type { Invocation, Parts } from "../ports/dependencies.ts";
import { CallRefused, QueueUnavailable } from "../ports/ports.ts";
import { type Suspending, suspend } from "../tasks/run/suspend-task.ts";

/** Where a service is asked next after work that it has taken on. */
export interface NextPoll {
  readonly service: Service;
  readonly url: string;
  /** Milliseconds. */
  readonly delay: number;
}

/** The service has taken the work on: the task waits, and the queue asks after it. */
export async function beginPolling(inv: Invocation, held: Suspending, next: NextPoll): Promise<void> {
  const { record } = held;
  const heartbeat = expectedWithin(record, next) + DUE_GRACE;
  if (!(await suspend(inv, { ...held, poll: { url: next.url, service: next.service.name }, heartbeat })))
    return;
  await sendPoll(inv, record, 1, next);
}

/** It is not done yet: asked again. */
export async function continuePolling(
  inv: Invocation,
  record: TaskRecord,
  number: number,
  next: NextPoll,
): Promise<void> {
  const length = expectedWithin(record, next);
  const { url, service } = next;
  const nonce = crypto.randomUUID();
  if (!(await inv.store.polling({ record, number, url, service: service.name, length, nonce }))) {
    inv.log("info", "outcome-stale", {
      task: record.id,
      run: record.run,
      attempt: record.attempt,
      poll: number,
    });
    return;
  }
  await sendPoll(inv, record, number, next);
}

/** No answer to the last poll has come in time: it is sent once more, instead of giving the work up. */
export async function repeatPoll(inv: Invocation, record: TaskRecord): Promise<void> {
  const { poll } = record;
  if (!poll) return;
  const service = inv.services.get(poll.service ?? (await serviceOf(inv, record)) ?? "");
  if (!service) return; // the deadline ends it
  await sendPoll(inv, record, poll.number, { service, url: poll.url, delay: 0 });
}

/** Where a poll was noted before its service stood there, the task's input names it. */
async function serviceOf(inv: Invocation, { project, id }: TaskRecord): Promise<string | undefined> {
  const found = await inv.store.readTask(internalCaller(project), id, { input: true });
  const json = found.kind === "found" ? found.record.input.json : undefined;
  return json === undefined ? undefined : readHttpRequest(json).service;
}

function expectedWithin(record: TaskRecord, { service, delay }: NextPoll): number {
  return delay + timeoutOf(service, record, Number.NEGATIVE_INFINITY);
}

/** Whatever goes wrong, the sweep finds the task silent and sends the poll again. */
async function sendPoll(parts: Parts, record: TaskRecord, number: number, next: NextPoll): Promise<void> {
  const { service, url, delay } = next;
  try {
    await parts.queue.call({
      url,
      method: "GET",
      headers: {
        "accept-encoding": "identity",
        ...traceHeaders(record.trace),
        ...service.headers,
      },
      secrets: Object.keys(service.headers),
      callback: outcomePath(service, record, number),
      timeout: timeoutOf(service, record, Number.NEGATIVE_INFINITY),
      delay,
      flow: await flowOf(parts, record, service),
    });
  } catch (error) {
    if (!(error instanceof QueueUnavailable || error instanceof CallRefused)) throw error;
    parts.log("warn", "publish-failed", { kind: "poll", task: record.id, reason: error.message });
  }
}
