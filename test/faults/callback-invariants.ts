import * as z from "zod";
import type { Judge } from "./checker.ts";
import type { Callback, Found, FoundDelivery, History, Story } from "./history.ts";

/** The promises about callbacks. */
export const callbackInvariants = {
  *"no callback is sent before its state change is committed"({ callbacks }) {
    for (const { id, type, task, stored } of callbacks) {
      if (!stored) continue;
      if (stored.sequence < task.sequence) {
        yield `${id} (${type}) reported sequence ${task.sequence} when ${stored.sequence} was stored`;
      } else if (stored.sequence === task.sequence && stored.status !== task.status) {
        yield `${id} (${type}) reported ${task.status} when ${stored.status} was stored`;
      }
    }
  },

  *"an event has one id"({ callbacks }) {
    const ids = new Map<string, string>();
    const events = new Map<string, string>();
    for (const { id, type, task, body } of callbacks) {
      const event = `${type} of ${task.id}, run ${task.run}, sequence ${task.sequence}${saidAt(type, body)}`;
      const known = ids.get(event) ?? id;
      if (known !== id) yield `${event}: ${known} and ${id}`;
      const other = events.get(id) ?? event;
      if (other !== event) yield `${id} is ${other}, and ${event}`;
      ids.set(event, known);
      events.set(id, other);
    }
  },

  *"a body is the same on every attempt"({ callbacks }) {
    for (const attempts of Map.groupBy(callbacks, ({ id, target }) => `${id} to ${target}`).values()) {
      const [first] = attempts;
      const other = attempts.find(({ body }) => body !== first?.body);
      if (first && other) yield `${first.id} to ${first.target}: ${first.body} and ${other.body}`;
    }
  },

  *"every callback is signed"({ callbacks }) {
    for (const { id, target, isSigned } of callbacks)
      if (!isSigned) yield `${id} to ${target} does not verify`;
  },

  /** Of each end of each run: to the callback URL, and to every endpoint that subscribes. */
  *"an event that was asked for ends delivered or dead"(history) {
    const stories = storiesOf(history);
    for (const task of history.found) {
      const story = stories.get(task.id) ?? stories.get(`${task.project} ${task.ref}`);
      const targets = targetsOf(task, story?.asked ?? [], history);
      for (const type of endsOf(task)) {
        for (const [target, events] of targets) {
          if (!subscribes(events, type.name)) continue;
          const made = task.deliveries.filter(
            (one) => (one.endpointId ?? CALLBACK) === target && one.eventType === type.name,
          );
          if (made.length < type.count)
            yield `${task.id}: ${made.length} of ${type.count} ${type.name} to ${target}`;
        }
      }
    }
  },

  *"no delivery is left on its way"({ found }) {
    for (const task of found) {
      for (const { id, status } of task.deliveries) {
        if (status !== "delivered" && status !== "dead") yield `${id} of ${task.id} is still ${status}`;
      }
    }
  },

  *"a delivered callback has arrived"({ callbacks, found }) {
    const arrived = new Set(callbacks.map(({ id, target }) => `${id} to ${target}`));
    for (const { deliveries } of found) {
      for (const one of deliveries) {
        const way = `${one.eventId} to ${one.endpointId ?? CALLBACK}`;
        if (one.status === "delivered" && !arrived.has(way)) yield `${way}: nobody saw it`;
      }
    }
  },

  *"an event is delivered once by id"({ found }) {
    for (const { id, deliveries } of found) {
      for (const [way, made] of Map.groupBy(deliveries, wayOf)) {
        if (made.length > 1) yield `${id}: ${made.length} deliveries of ${way}`;
      }
    }
  },

  /** A project's receivers hear of its own tasks alone. */
  *"a callback reaches its own project alone"({ callbacks, stories }) {
    const owners = new Map(stories.map(({ ref, project }) => [ref, project]));
    for (const { id, project, ref } of callbacks) {
      const owner = ref === undefined ? undefined : owners.get(ref);
      if (owner !== undefined && owner !== project) yield `${id} of ${owner} came to ${project}`;
    }
  },

  /** The only permitted answer to a revoked key is that it is unknown. */
  *"a revoked key opens nothing"({ lent }) {
    for (const { id, revokedAt, uses } of lent) {
      const opened = uses.find(({ status }) => status >= 200 && status < 300);
      if (opened)
        yield `${id} was answered ${opened.status}, ${opened.at - revokedAt} ms after it was revoked`;
    }
  },
} satisfies Record<string, Judge>;

/** The target of a delivery to the task's own callback URL; others are endpoints' ids. */
const CALLBACK: Callback["target"] = "callback";

/** By task's id as far as a client knows it, and by project and reference. */
function storiesOf({ stories }: History): ReadonlyMap<string, Story> {
  return new Map(
    stories.flatMap((story) => [
      [`${story.project} ${story.ref}`, story] as const,
      ...story.told.flatMap(({ task }) => (task ? [[task.id, story] as const] : [])),
    ]),
  );
}

const progressed = z.looseObject({ data: z.looseObject({ progress: z.looseObject({ at: z.string() }) }) });

/** Progress raises no sequence: its events differ by when it was said. */
function saidAt(type: string, body: string): string {
  return type === "task.progress" ? `, said at ${progressed.parse(JSON.parse(body)).data.progress.at}` : "";
}

/** By target: the events that it subscribes to. */
function targetsOf(
  task: Found,
  asked: readonly string[],
  { endpoints }: History,
): Map<string, readonly string[]> {
  return new Map([[CALLBACK, asked], ...Object.entries(endpoints[task.project] ?? {})]);
}

/** How often the task ended so, over all its runs. */
function endsOf({ timeline }: Found): { readonly name: string; readonly count: number }[] {
  const ends = timeline.filter(({ type }) => ENDS.includes(type));
  return [...Map.groupBy(ends, ({ type }) => type)].map(([name, { length }]) => ({ name, count: length }));
}

const ENDS: readonly string[] = ["task.succeeded", "task.failed", "task.canceled", "task.expired"];

function subscribes(events: readonly string[], type: string): boolean {
  return events.some(
    (event) => event === type || (event.endsWith("*") && type.startsWith(event.slice(0, -1))),
  );
}

function wayOf({ eventId, endpointId }: FoundDelivery): string {
  return `${eventId} to ${endpointId ?? CALLBACK}`;
}
