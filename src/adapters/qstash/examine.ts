import { Client } from "@upstash/qstash";
import * as z from "zod/mini";
import type { Fate, QueueExaminer } from "../../doctor/ports.ts";
import { QueueUnavailable } from "../../ports/ports.ts";
import type { QueueOptions } from "./queue.ts";
import { bounded } from "./request.ts";

/** Milliseconds for one of the plain requests. */
const TIMEOUT = 5_000;

/** Of the log's entries; the SDK's type lacks the status (docs: api-reference/logs/list-logs). */
const ENTRY = z.object({
  state: z.string(),
  error: z.optional(z.string()),
  responseStatus: z.optional(z.number()),
});

const SLOTS = z.object({ parallelismMax: z.number(), parallelismCount: z._default(z.number(), 0) });

/** What the doctor asks QStash: each question is one request, and none is repeated. */
export function createExaminer(options: QueueOptions): QueueExaminer {
  const client = new Client({
    baseUrl: options.url,
    token: options.token,
    devMode: false,
    enableTelemetry: false,
    retry: false,
  });
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
      const url = `${options.publicUrl}/internal/probe`;
      const { messageId } = await bounded(client.publishJSON({ url, body: { v: 1, nonce }, retries: 0 }));
      return messageId;
    },
    async fate(message) {
      const { logs } = await bounded(client.logs({ messageIds: [message] }));
      return logs.map(fateIn).find((fate) => fate !== undefined);
    },
    async slots() {
      const response = await get("/v2/globalParallelism");
      const told = SLOTS.safeParse(await response.json().catch(() => undefined));
      if (!response.ok || !told.success) return undefined;
      return { most: told.data.parallelismMax, used: told.data.parallelismCount };
    },
  };
}

/** What an entry says became of its message: nothing, while the message is on its way. */
function fateIn(entry: unknown): Fate | undefined {
  const { data } = ENTRY.safeParse(entry);
  if (!data) return undefined;
  const { state, error, responseStatus } = data;
  if (state === "DELIVERED") return { kind: "answered", status: responseStatus ?? 200 };
  if (state !== "ERROR" && state !== "FAILED") return undefined;
  if (responseStatus !== undefined && responseStatus > 0) return { kind: "answered", status: responseStatus };
  return error === undefined ? undefined : { kind: "failed", error: error.slice(0, 300) };
}
