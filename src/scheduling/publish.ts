import type { Dependencies } from "../ports/dependencies.ts";
import { QueueUnavailable } from "../ports/errors.ts";
import type { Publisher, QueueMessage } from "../ports/queue.ts";
import { PUBLISH_HORIZON } from "../shared/limits.ts";
import type { LogFields } from "../shared/log/log.ts";

/** The parts that publishing uses. */
export type PublishParts = Pick<Dependencies, "log"> & { readonly queue: Publisher };

/**
 * Publishes a message whose state is committed. When the queue does not take it, that is logged and the due entry
 * makes up for it; a message for a distant time is left to the sweep, which publishes it when it is near.
 */
export async function publish(deps: PublishParts, message: QueueMessage): Promise<void> {
  if (message.delay > PUBLISH_HORIZON) return;
  try {
    await deps.queue.publish(message);
  } catch (error) {
    if (!(error instanceof QueueUnavailable)) throw error;
    deps.log("warn", "publish-failed", {
      kind: message.kind,
      ...namesOf(message),
      reason: error.message,
    });
  }
}

function namesOf(message: QueueMessage): LogFields {
  if (message.kind === "sweep") return {};
  const { v: _v, ...names } = message.body;
  return names;
}

/**
 * Publishes many in one request, as {@link publish} does one.
 *
 * @returns the id of each message that the queue has taken
 */
export async function publishAll(
  deps: PublishParts,
  messages: readonly QueueMessage[],
): Promise<ReadonlyMap<QueueMessage, string>> {
  const near = messages.filter(({ delay }) => delay <= PUBLISH_HORIZON);
  const taken = new Map<QueueMessage, string>();
  if (near.length === 0) return taken;
  const failed = (reason: string) =>
    deps.log("warn", "publish-failed", { kind: "batch", count: near.length - taken.size, reason });
  try {
    const ids = await deps.queue.publishAll(near);
    for (const [index, message] of near.entries()) {
      const id = ids[index];
      if (id !== undefined) taken.set(message, id);
    }
    if (taken.size < near.length) failed("QStash refused them.");
  } catch (error) {
    if (!(error instanceof QueueUnavailable)) throw error;
    failed(error.message);
  }
  return taken;
}
