import * as z from "zod/mini";
import { QueueUnavailable } from "../../ports/errors.ts";
import type { Queue, QueueMessage } from "../../ports/queue.ts";
import { activeTraceparent } from "../../shared/trace/tracing.ts";
import { publishCall } from "./call.ts";
import { readEvents } from "./events.ts";
import { deliveryHeaders, messageIdOf, publishedId } from "./message.ts";
import { createClient, statusOf } from "./request.ts";

export interface QueueOptions {
  readonly url: string;
  readonly token: string;
  /** The gateway's own address, which QStash calls. */
  readonly publicUrl: string;
}

/** How often QStash repeats a call without a 2xx; after that, the sweep publishes again. */
const RETRIES = 3;

/** How often a request is repeated that QStash did not answer. */
const REPEATS = 2;

/** States of a message of which no attempt has failed (https://upstash.com/docs/qstash/howto/debug-logs). */
const UNTRIED: ReadonlySet<string> = new Set(["CREATED", "ACTIVE"]);

/** The answer to a batch, one entry for each message: its id, or why it was not taken. */
const BATCH = z.array(z.unknown());

/**
 * The queue over QStash's REST API. No deduplication ids: the scripts deduplicate, and a window could swallow a needed
 * message.
 */
export function createQueue(options: QueueOptions): Queue {
  const client = createClient(options, REPEATS);
  const address = (message: QueueMessage) => `${options.publicUrl}/internal/${message.kind}`;
  return {
    publish: async (message) => {
      const path = `publish/${address(message)}`;
      publishedId(await client({ method: "POST", path, ...contentOf(message) }));
    },
    publishAll: async (messages) => {
      const batch = messages.map((message) => ({ destination: address(message), ...contentOf(message) }));
      const headers = { "content-type": "application/json" };
      const answer = await client({ method: "POST", path: "batch", headers, body: JSON.stringify(batch) });
      const answers = BATCH.safeParse(answer).data ?? [];
      return messages.map((_, index) => messageIdOf(answers[index]));
    },
    call: (call) => publishCall(client, options.publicUrl, call),
    holds: async (message) => {
      try {
        const found = await client({ path: `messages/${encodeURIComponent(message)}` });
        if (messageIdOf(found) === message) return true;
        throw new QueueUnavailable("QStash answered with something else than the message.");
      } catch (error) {
        if (statusOf(error) === 404) return false;
        throw error;
      }
    },
    waits: async (message) => {
      const states = (await readEvents(client, message)).map(({ state }) => state);
      return states.includes("CREATED") && states.every((state) => UNTRIED.has(state));
    },
    cancel: async (...messages) => {
      const [first = ""] = messages;
      const query = new URLSearchParams(messages.map((message) => ["messageIds", message]));
      const path = messages.length === 1 ? `messages/${encodeURIComponent(first)}` : `messages?${query}`;
      try {
        await client({ method: "DELETE", path });
      } catch (error) {
        // It has been delivered already; or the queue is away, and the message will be stale when it arrives.
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
        return false; // any failure means that it does not answer
      }
    },
  };
}

/** A message's headers and body. */
function contentOf(message: QueueMessage) {
  const flow = message.kind === "sweep" ? undefined : message.flow;
  const cause = activeTraceparent();
  return {
    headers: {
      "content-type": "application/json",
      // The attempt that the message asks for is linked to what publishes it.
      ...(cause !== undefined && { "upstash-forward-traceparent": cause }),
      ...deliveryHeaders({ method: "POST", retries: RETRIES, delay: message.delay, ...(flow && { flow }) }),
    },
    body: JSON.stringify(message.body),
  };
}
