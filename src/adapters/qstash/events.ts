import * as z from "zod/mini";
import { QueueUnavailable } from "../../ports/errors.ts";
import type { QueueClient } from "./request.ts";

/** One entry of QStash's log (https://upstash.com/docs/qstash/api-reference/logs/list-logs). */
const event = z.object({
  state: z.string(),
  error: z.catch(z.optional(z.string()), undefined),
  responseStatus: z.catch(z.optional(z.number()), undefined),
});

const ANSWER = z.object({ events: z.array(event) });

export type QueueEvent = z.output<typeof event>;

/** The entries of a message in QStash's log, newest first; empty while there are none. */
export async function readEvents(client: QueueClient, message: string): Promise<readonly QueueEvent[]> {
  const answer = ANSWER.safeParse(
    await client({ path: `events?${new URLSearchParams({ messageIds: message })}` }),
  );
  if (!answer.success) throw new QueueUnavailable("QStash's log has an unknown form.");
  return answer.data.events;
}
