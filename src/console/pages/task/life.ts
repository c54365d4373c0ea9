import type { Delivery, TimelineItem } from "../../api/types.ts";
import { hostOf } from "../../format.ts";

/** A stretch of time in which something was in one state. */
export interface Stretch {
  readonly state: string;
  readonly from: number;
  readonly to: number;
  /** For a pointer. */
  readonly label: string;
  /** Written into it. */
  readonly text: string;
}

/** One line of the drawing. */
export interface Lane {
  readonly id: string;
  readonly name: string;
  readonly stretches: readonly Stretch[];
}

const STATE_AFTER: Readonly<Record<string, string>> = {
  "task.created": "queued",
  "task.replayed": "queued",
  "task.retrying": "queued",
  "task.started": "running",
  "task.waiting": "waiting",
};

/** The state that an entry of the timeline leads to; undefined: the task has ended. */
export function stateAfter(type: string): string | undefined {
  return Object.hasOwn(STATE_AFTER, type) ? STATE_AFTER[type] : undefined;
}

/** The task's own lane: a stretch from each entry to the next, the last one to now while the task has not ended. */
export function taskLane(entries: readonly TimelineItem[], now: number): Lane {
  const stretches = entries.flatMap((entry, index): Stretch[] => {
    const state = stateAfter(entry.type);
    if (state === undefined) return [];
    const from = Date.parse(entry.at);
    const next = entries[index + 1];
    const label =
      entry.type === "task.retrying" ? `waits for another attempt (${entry.cause ?? "failed"})` : state;
    return [{ state, from, to: next ? Date.parse(next.at) : Math.max(now, from), label, text: state }];
  });
  return { id: "task", name: "Task", stretches };
}

/** The lane of a callback: its attempts, and the waits between them. */
export function deliveryLane(delivery: Delivery, now: number): Lane {
  const { id, url, attempts, eventType, status, createdAt } = delivery;
  const stretches: Stretch[] = [];
  let free = Date.parse(createdAt);
  for (const [index, { at, durationMs, statusCode, error }] of attempts.entries()) {
    const from = Date.parse(at);
    if (from > free) stretches.push({ state: "between", from: free, to: from, label: "waits", text: "" });
    const outcome = error ? error.code : `answered ${statusCode ?? "nothing"}`;
    free = from + durationMs;
    stretches.push({
      state: error ? "failed" : "delivered",
      from,
      to: free,
      label: `attempt ${index + 1}: ${outcome}`,
      text: `${statusCode ?? error?.code ?? ""}`,
    });
  }
  if (status === "pending" && now > free)
    stretches.push({ state: "between", from: free, to: now, label: "waits", text: "" });
  return { id, name: `${eventType.replace("task.", "")} → ${hostOf(url)}`, stretches };
}

/** A moment and its place, 0 to 1. */
export interface Tick {
  readonly at: number;
  readonly place: number;
}

export interface Axis {
  readonly place: (at: number) => number;
  readonly ticks: readonly Tick[];
}

/**
 * An axis on which long waits are shorter than they were: a run of 50 ms and a retry four hours later are both seen.
 * Between two moments it is even.
 *
 * @param space how far two labels must be apart, as a share of the width
 */
export function axisOf(lanes: readonly Lane[], space: number): Axis {
  const edges = lanes.flatMap(({ stretches }) => stretches.flatMap(({ from, to }) => [from, to]));
  const moments = [...new Set(edges)].toSorted((a, b) => a - b);
  const widths = moments.slice(1).map((at, index) => Math.log2(2 + (at - (moments[index] ?? at)) / 20));
  const sums = [0];
  for (const width of widths) sums.push((sums.at(-1) ?? 0) + width);
  const total = sums.at(-1) || 1;
  const places = sums.map((sum) => sum / total);
  const place = (at: number): number => {
    const next = moments.findIndex((moment) => moment >= at);
    if (next < 0) return 1;
    const [from = at, to = at] = [moments[next - 1], moments[next]];
    const [start = 0, end = 0] = [places[next - 1], places[next]];
    return next === 0 || to === from ? end : start + ((end - start) * (at - from)) / (to - from);
  };
  return {
    place,
    ticks: spaced(
      moments.map((at, index) => ({ at, place: places[index] ?? 0 })),
      space,
    ),
  };
}

/** The moments whose labels have room, the first always. */
function spaced(ticks: readonly Tick[], space: number): readonly Tick[] {
  const kept: Tick[] = [];
  for (const tick of ticks)
    if (tick.place - (kept.at(-1)?.place ?? -1) >= space && tick.place < 0.97) kept.push(tick);
  return kept;
}

/** The runs of a timeline, and the entries of each. */
export function runsIn(timeline: readonly TimelineItem[]): ReadonlyMap<number, readonly TimelineItem[]> {
  return Map.groupBy(timeline, ({ run }) => run);
}

/** The callbacks of the events of one run: a delivery says when its event happened, not of which run. */
export function deliveriesOf(
  deliveries: readonly Delivery[],
  runs: ReadonlyMap<number, readonly TimelineItem[]>,
  run: number,
): readonly Delivery[] {
  const start = (number: number): number => {
    const first = runs.get(number)?.[0];
    return first ? Date.parse(first.at) : Number.POSITIVE_INFINITY;
  };
  return deliveries.filter(({ createdAt }) => {
    const at = Date.parse(createdAt);
    return (run === 1 || at >= start(run)) && at < start(run + 1);
  });
}
