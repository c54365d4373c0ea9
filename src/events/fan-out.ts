import { closed } from "../deliveries/destination.ts";
import type { Format } from "../endpoints/endpoint.ts";
import type { Held, NewDelivery } from "../ports/commands/delivery.ts";
import type { Dependencies } from "../ports/dependencies.ts";
import type { StoredConfig } from "../projects/caller.ts";
import { type Endpoint, parseConfig, rateOf, subscribersOf } from "../projects/project-config.ts";
import { fault } from "../shared/fault-point.ts";
import { DELIVERY_LEASE_MARGIN, INLINE_DELIVERIES } from "../shared/limits.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { timestamp } from "../tasks/view.ts";
import { type SerializeParts, taskBody } from "./serialize-event.ts";
import { deliveryIdOf, eventIdOf, type TaskEvent } from "./task-events.ts";

/** The parts that the deliveries of an event use. */
export type FanOutParts = SerializeParts & Pick<Dependencies, "settings" | "hashes">;

/** Whether an event of that type has a recipient: the task's callback, or an endpoint of its project. */
export function isAwaited(stored: StoredConfig, { callback }: TaskRecord, type: string): boolean {
  return callback?.events.includes(type) === true || subscribersOf(parseConfig(stored), type).length > 0;
}

/** The URL that the fault point `wrong-project` uses for all callbacks. */
let firstUrl: string | undefined;

/**
 * The deliveries of an event: to the task's callback first, then to every endpoint that subscribes, oldest first. An
 * endpoint that may not be called now gets a dead letter: its missed events are kept and can be recovered.
 */
export async function fanOut(
  deps: FanOutParts,
  stored: StoredConfig,
  event: TaskEvent,
): Promise<readonly NewDelivery[]> {
  const { type, record } = event;
  const { callback } = record;
  const subscribers = fault("callback-alone") ? [] : subscribersOf(parseConfig(stored), type);
  // An event that the next one overtakes is not kept for later.
  const endpoints = subscribers.filter((endpoint) => !event.once || !closed(endpoint));
  const called = callback?.events.includes(type) ? callback.url : undefined;
  if (fault("wrong-project")) firstUrl ??= called;
  if (called === undefined && endpoints.length === 0) return [];
  const eventId = await eventIdOf(deps.hashes, event);
  const bodyIn = bodies(deps, event, eventId);
  const shared = !event.once && endpoints.length + (called === undefined ? 0 : 1) > 1;
  const common = {
    taskId: record.id,
    eventId,
    eventType: type,
    ...(shared && { shared }),
    ...(event.once && { once: event.once }),
    ...(record.trace && { trace: record.trace }),
  };
  const toCallback = async (url: string): Promise<NewDelivery> => ({
    ...common,
    id: await deliveryIdOf(deps.hashes, event, "callback"),
    url: firstUrl ?? url,
    format: "full",
    body: await bodyIn("full"),
  });
  const toEndpoint = async (endpoint: Endpoint, rateLimit = rateOf(endpoint)): Promise<NewDelivery> => ({
    ...common,
    id: await deliveryIdOf(deps.hashes, event, endpoint.id),
    endpointId: endpoint.id,
    url: endpoint.url,
    format: endpoint.format,
    body: await bodyIn(endpoint.format),
    ...(rateLimit !== undefined && { rateLimit }),
    ...initialDeadLetter(endpoint, event.at),
    ...(fault("id-per-target") && {
      eventId: await eventIdOf(deps.hashes, { ...event, source: endpoint.id }),
    }),
  });
  const deliveries = await Promise.all([
    ...(called === undefined ? [] : [toCallback(called)]),
    ...endpoints.map((endpoint) => toEndpoint(endpoint)),
  ]);
  const [first] = deliveries;
  if (fault("delivered-twice") && first)
    deliveries.push({ ...first, id: await deliveryIdOf(deps.hashes, event, "again") });
  return deliveries;
}

/** Writes each format once. */
function bodies(deps: FanOutParts, event: TaskEvent, eventId: string): (format: Format) => Promise<string> {
  const written = new Map<Format, Promise<string>>();
  return (format) => {
    const body = written.get(format) ?? taskBody(deps, event, eventId, format);
    written.set(format, body);
    return body;
  };
}

/** An endpoint that may not be called now gets a dead letter. */
export function initialDeadLetter(endpoint: Endpoint, at: number): Pick<NewDelivery, "dead"> {
  const refused = closed(endpoint);
  const error = refused && { code: refused.code, message: refused.message };
  return error ? { dead: { at, log: JSON.stringify({ at: timestamp(at), durationMs: 0, error }) } } : {};
}

/**
 * Leases the first attempts that this caller makes itself, a few side by side. Those to an endpoint with a rate go
 * through the queue, which enforces it.
 */
export function leased(deps: FanOutParts, deliveries: readonly NewDelivery[]): readonly NewDelivery[] {
  const length = deps.settings.callbackTimeout + DELIVERY_LEASE_MARGIN;
  const inline = new Set(inlineOf(deliveries));
  return deliveries.map((delivery) =>
    inline.has(delivery) ? { ...delivery, lease: { id: crypto.randomUUID(), length } } : delivery,
  );
}

/** The opened deliveries, by the side that makes the first attempts. Dead letters are in neither list. */
export interface Opened {
  /** Made by this caller, at once. */
  readonly now: readonly NewDelivery[];
  /** Made by the queue: the rest, and those that a circuit delays, each after its `delay`. */
  readonly queued: readonly NewDelivery[];
}

/**
 * Only deliveries that the opening script did not delay are to be sent now.
 *
 * @param byQueue the caller has no time to send any
 */
export function openedOf(deliveries: readonly NewDelivery[], held: Held, byQueue = false): Opened {
  const alive = deliveries
    .filter(({ dead }) => !dead)
    .map((delivery): NewDelivery => {
      const delay = held.get(delivery.id);
      if (delay === undefined) return delivery;
      const { lease: _lease, ...rest } = delivery;
      return { ...rest, delay };
    });
  const now = byQueue ? [] : inlineOf(alive);
  return { now, queued: alive.filter((delivery) => !now.includes(delivery)) };
}

/** The deliveries whose first attempts are made side by side, at once. */
function inlineOf(deliveries: readonly NewDelivery[]): readonly NewDelivery[] {
  return deliveries
    .filter(({ dead, rateLimit, delay }) => !dead && rateLimit === undefined && delay === undefined)
    .slice(0, INLINE_DELIVERIES);
}
