import { CallRefused } from "../../ports/errors.ts";
import type { ServiceCall } from "../../ports/queue.ts";
import { deliveryHeaders, publishedId, seconds } from "./message.ts";
import { type QueueClient, statusOf } from "./request.ts";

/**
 * How often QStash repeats a callback that got no 2xx, and after how long: 3 s, 30 s, 5 min. Every plan allows
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
 * @throws CallRefused when it will never be taken, QueueUnavailable when it was not taken now
 */
export async function publishCall(
  client: QueueClient,
  publicUrl: string,
  call: ServiceCall,
): Promise<string> {
  const headers = headersOf(call, publicUrl + call.callback);
  const body = call.body && new Blob([call.body]);
  try {
    return publishedId(
      await client({ method: "POST", path: `publish/${call.url}`, headers, ...(body && { body }) }),
    );
  } catch (error) {
    const status = statusOf(error);
    if (status === 400 || status === 412 || status === 413) {
      throw new CallRefused(`QStash does not take the call (${status}).`, { cause: error });
    }
    throw error;
  }
}

function headersOf(call: ServiceCall, callback: string): Record<string, string> {
  const { method, timeout, delay, flow, secrets } = call;
  const redacted = secrets.map((name) => `header[${name}]`).join(",");
  return {
    ...forwarded(call.headers),
    ...deliveryHeaders({ method, retries: 0, delay, flow }),
    "upstash-timeout": seconds(timeout),
    // QStash reports some ends (a non-retryable answer) to the failure callback alone; a second report changes nothing.
    ...reportTo("upstash-callback", callback),
    ...reportTo("upstash-failure-callback", callback),
    ...(redacted !== "" && { "upstash-redact-fields": redacted }),
  };
}

function reportTo(name: string, url: string): Record<string, string> {
  return { [name]: url, [`${name}-retries`]: CALLBACK.retries, [`${name}-retry-delay`]: CALLBACK.delay };
}

/** The service's own headers. QStash passes on the type of the content as it is, and what has its prefix. */
function forwarded(headers: Readonly<Record<string, string>>): Record<string, string> {
  const passed = [...new Headers(headers)].map(([name, value]) => [
    name === "content-type" ? name : `upstash-forward-${name}`,
    value,
  ]);
  return Object.fromEntries(passed);
}
