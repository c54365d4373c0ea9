import { Client, type FlowControl, type PublishBatchRequest } from "@upstash/qstash";
import { type Flow, type Queue, type QueueMessage, QueueUnavailable } from "../flow/ports.ts";

export interface QueueOptions {
  readonly url: string;
  readonly token: string;
  /** The gateway's own address, which QStash calls. */
  readonly publicUrl: string;
}

/** How long one publish may take, in milliseconds: the SDK has no limit of its own. */
const PUBLISH_TIMEOUT = 10_000;

/** How often QStash repeats a call that we did not answer with 2xx; the sweep makes up for the rest. */
const RETRIES = 3;

/** The queue over QStash's REST API. No deduplication ids: the scripts deduplicate, and a window could swallow a needed message. */
export function createQueue(options: QueueOptions): Queue {
  const client = new Client({
    baseUrl: options.url,
    token: options.token,
    devMode: false,
    enableTelemetry: false,
    retry: { retries: 2 },
  });
  const address = (message: QueueMessage) => `${options.publicUrl}/internal/${message.kind}`;
  return {
    publish: (message) =>
      bounded(client.publishJSON({ url: address(message), ...requestOf(message) })).then(() => undefined),
    publishAll: async (messages) => {
      // A new list each time: the SDK writes into the objects that it is given.
      const batch = messages.map(
        (message): PublishBatchRequest<QueueMessage["body"]> => ({
          url: address(message),
          ...requestOf(message),
        }),
      );
      const answers = (await bounded(client.batchJSON(batch))) as readonly unknown[]; // one per message; the SDK does not throw for refused ones
      const refused = answers.flat().filter((answer) => !isAccepted(answer)).length;
      if (refused > 0)
        throw new QueueUnavailable(`QStash refused ${refused} of ${messages.length} messages.`);
    },
    ping: async () => {
      try {
        const response = await fetch(`${options.url}/v2/keys`, {
          headers: { authorization: `Bearer ${options.token}` },
          signal: AbortSignal.timeout(3_000),
        });
        await response.body?.cancel();
        return response.ok;
      } catch {
        return false; // whatever the reason: it does not answer
      }
    },
  };
}

/** QStash delays by whole seconds, rounded up. */
function requestOf(message: QueueMessage) {
  const delay = Math.ceil(message.delay / 1_000);
  return {
    body: message.body,
    retries: RETRIES,
    ...(delay > 0 && { delay }),
    ...("flow" in message && message.flow && { flowControl: flowControlOf(message.flow) }),
  };
}

/** QStash's periods are whole seconds, rounded up here. */
function flowControlOf({ key, parallelism, rate, period = 1_000 }: Flow): FlowControl {
  return { key, parallelism, ...(rate !== undefined && { rate, period: Math.ceil(period / 1_000) }) };
}

function isAccepted(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "messageId" in answer;
}

async function bounded<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("no answer")), PUBLISH_TIMEOUT);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    throw new QueueUnavailable(`QStash did not take the message (${reasonOf(error)}).`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** The SDK's messages may quote requests: the status and the error's name are enough. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "error";
  return "status" in error ? `${error.name} ${String(error.status)}` : error.name;
}
