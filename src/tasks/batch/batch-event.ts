import { type FanOutParts, initialDeadLetter } from "../../events/fan-out.ts";
import { write } from "../../events/serialize-event.ts";
import type { NewDelivery } from "../../ports/commands/delivery.ts";
import type { StoredConfig } from "../../projects/caller.ts";
import { type Endpoint, parseConfig, rateOf, subscribersOf } from "../../projects/project-config.ts";
import { utf8 } from "../../shared/bytes.ts";
import { deriveId } from "../../shared/id.ts";
import type { BatchRecord } from "./record.ts";
import { batchData } from "./view.ts";

/** The event of a batch whose tasks have all ended. */
export const BATCH_COMPLETED = "batch.completed";

/**
 * The deliveries of a batch's one event: to its callback first, then to every endpoint that subscribes. Their ids follow
 * from the batch.
 *
 * @param at Redis time, milliseconds
 */
export async function batchDeliveries(
  deps: FanOutParts,
  record: BatchRecord,
  stored: StoredConfig,
  at: number,
): Promise<readonly NewDelivery[]> {
  const idOf = async (kind: "evt" | "del", target: string) =>
    deriveId(kind, record.id, await deps.hashes.sha256(utf8(`${record.id}.${BATCH_COMPLETED}${target}`)));
  const eventId = await idOf("evt", "");
  const data = batchData(record, deps.settings.publicUrl);
  const message = { id: eventId, type: BATCH_COMPLETED, at, subject: record.id, data };
  const common = {
    taskId: "",
    batchId: record.id,
    eventId,
    eventType: BATCH_COMPLETED,
    ...(record.trace !== undefined && { trace: record.trace }),
  };
  const toCallback = async (url: string): Promise<NewDelivery> => ({
    ...common,
    id: await idOf("del", ".callback"),
    url,
    format: "full",
    body: write(deps, message, "full"),
  });
  const toEndpoint = async (endpoint: Endpoint, rateLimit = rateOf(endpoint)): Promise<NewDelivery> => ({
    ...common,
    id: await idOf("del", `.${endpoint.id}`),
    endpointId: endpoint.id,
    url: endpoint.url,
    format: endpoint.format,
    body: write(deps, message, endpoint.format),
    ...(rateLimit !== undefined && { rateLimit }),
    ...initialDeadLetter(endpoint, at),
  });
  const endpoints = subscribersOf(parseConfig(stored), BATCH_COMPLETED);
  return Promise.all([
    ...(record.callbackUrl === undefined ? [] : [toCallback(record.callbackUrl)]),
    ...endpoints.map((endpoint) => toEndpoint(endpoint)),
  ]);
}
