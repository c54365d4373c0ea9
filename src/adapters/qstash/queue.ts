import { Client, type PublishBatchRequest } from "@upstash/qstash";
import { type Queue, type QueueMessage, QueueUnavailable } from "../../ports/ports.ts";
import { flowControlOf, publishCall } from "./call.ts";
import { bounded, statusOf } from "./request.ts";

export interface QueueOptions {
  readonly url: string;
  readonly token: string;
  /** The gateway's own address, which QStash calls. */
  readonly publicUrl: string;
}

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
      return messages.map((_, index) => messageIdOf(answers[index]));
    },
    call: (call) => publishCall(client, options.publicUrl, call),
    holds: async (message) => {
      try {
        const found: unknown = await bounded(client.messages.get(message));
        if (messageIdOf(found) === message) return true;
        throw new QueueUnavailable("QStash answered with something else than the message.");
      } catch (error) {
        if (statusOf(error) === 404) return false;
        throw error;
      }
    },
    waits: async (message) => {
      const { logs } = await bounded(client.logs({ messageIds: [message] }));
      const states = logs.map(({ state }) => state);
      return states.includes("CREATED") && states.every((state) => UNTRIED.has(state));
    },
    cancel: async (...messages) => {
      const [first = ""] = messages;
      try {
        await bounded(client.messages.cancel(messages.length === 1 ? first : [...messages]));
      } catch (error) {
        // It has been delivered already; or the queue is away, and what comes of the message will be stale.
        if (!(error instanceof QueueUnavailable)) throw error;
      }
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

/** States of a message of which no attempt has failed (https://upstash.com/docs/qstash/howto/debug-logs). */
const UNTRIED: ReadonlySet<string> = new Set(["CREATED", "ACTIVE"]);

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

function messageIdOf(answer: unknown): string | undefined {
  const { messageId } =
    typeof answer === "object" && answer !== null ? (answer as { messageId?: unknown }) : {};
  return typeof messageId === "string" ? messageId : undefined;
}
