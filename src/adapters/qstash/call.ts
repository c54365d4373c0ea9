import type { Client, FlowControl } from "@upstash/qstash";
import { CallRefused, type Flow, QueueUnavailable, type ServiceCall } from "../../ports/ports.ts";
import { bounded, statusOf } from "./request.ts";

/**
 * How often QStash repeats a callback that we did not take, and after how long: 3 s, 30 s, 5 min. Every plan allows
 * three; a call's lease is longer than all of them.
 */
const CALLBACK = { retries: "3", delay: "min(300000, 3000 * pow(10, retried))" } as const;

/**
 * Publishes one call of a service. An attempt of ours is one message that is not repeated by the queue: so `attempt`,
 * `Retry-After`, the deadline and a cancel mean the same as for every other task.
 *
 * The destination stands in the path of the request to QStash: it has been checked to be in its normal form, and its
 * query to have none of QStash's own parameters.
 *
 * @throws CallRefused when it will never be taken, QueueUnavailable when it was not now
 */
export async function publishCall(client: Client, publicUrl: string, call: ServiceCall): Promise<string> {
  const callback = publicUrl + call.callback;
  const delay = Math.ceil(call.delay / 1_000);
  const request = {
    url: call.url,
    method: call.method,
    headers: {
      ...call.headers,
      ...Object.fromEntries(["Callback", "Failure-Callback"].flatMap((name) => tuned(`Upstash-${name}`))),
    },
    callback,
    // Some ends (a non-retryable answer) are told to this one alone; what is told twice counts once.
    failureCallback: callback,
    retries: 0,
    timeout: Math.ceil(call.timeout / 1_000),
    flowControl: flowControlOf(call.flow),
    redact: { header: [...call.secrets] },
    ...(call.body && { body: new Blob([call.body]) }),
    ...(delay > 0 && { delay }),
  };
  try {
    const answer = await bounded(client.publish(request));
    if ("messageId" in answer) return answer.messageId;
    throw new QueueUnavailable("QStash took the call for one of several.");
  } catch (error) {
    const status = statusOf(error);
    if (status === 400 || status === 412 || status === 413) {
      throw new CallRefused(`QStash does not take the call (${status}).`, { cause: error });
    }
    throw error;
  }
}

function tuned(name: string): [string, string][] {
  return [
    [`${name}-Retries`, CALLBACK.retries],
    [`${name}-Retry-Delay`, CALLBACK.delay],
  ];
}

/** QStash's periods are whole seconds, rounded up here. */
export function flowControlOf({ key, parallelism, rate, period = 1_000 }: Flow): FlowControl {
  return { key, parallelism, ...(rate !== undefined && { rate, period: Math.ceil(period / 1_000) }) };
}
