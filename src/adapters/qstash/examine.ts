import * as z from "zod/mini";
import type { Fate, QueueExaminer } from "../../doctor/ports.ts";
import { QueueUnavailable } from "../../ports/errors.ts";
import { type QueueEvent, readEvents } from "./events.ts";
import { deliveryHeaders, publishedId } from "./message.ts";
import type { QueueOptions } from "./queue.ts";
import { createClient } from "./request.ts";

/** Milliseconds for one of the plain requests. */
const TIMEOUT = 5_000;

const SLOTS = z.object({ parallelismMax: z.number(), parallelismCount: z._default(z.number(), 0) });

/** The questions of the doctor to QStash: each is one request, and none is repeated. */
export function createExaminer(options: QueueOptions): QueueExaminer {
  const client = createClient(options, 0);
  const get = async (path: string): Promise<Response> => {
    try {
      return await fetch(`${options.url}${path}`, {
        headers: { authorization: `Bearer ${options.token}` },
        signal: AbortSignal.timeout(TIMEOUT),
      });
    } catch (cause) {
      throw new QueueUnavailable("QStash does not answer.", { cause });
    }
  };
  return {
    async status() {
      const response = await get("/v2/keys");
      await response.body?.cancel();
      return response.status;
    },
    async probe(nonce) {
      const headers = {
        "content-type": "application/json",
        ...deliveryHeaders({ method: "POST", retries: 0 }),
      };
      const path = `publish/${options.publicUrl}/internal/probe`;
      return publishedId(
        await client({ method: "POST", path, headers, body: JSON.stringify({ v: 1, nonce }) }),
      );
    },
    async fate(message) {
      const events = await readEvents(client, message);
      return events.map(fateIn).find((fate) => fate !== undefined);
    },
    async slots() {
      const response = await get("/v2/globalParallelism");
      const slots = SLOTS.safeParse(await response.json().catch(() => undefined));
      if (!response.ok || !slots.success) return undefined;
      return { most: slots.data.parallelismMax, used: slots.data.parallelismCount };
    },
  };
}

/** The result of a message according to its log entry: undefined while the message is on its way. */
function fateIn({ state, error, responseStatus }: QueueEvent): Fate | undefined {
  if (state === "DELIVERED") return { kind: "answered", status: responseStatus ?? 200 };
  if (state !== "ERROR" && state !== "FAILED") return undefined;
  if (responseStatus !== undefined && responseStatus > 0) return { kind: "answered", status: responseStatus };
  return error === undefined ? undefined : { kind: "failed", error: error.slice(0, 300) };
}
