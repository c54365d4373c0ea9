import { LEASE } from "../../src/shared/limits.ts";
import { check, type Violation } from "./checker.ts";
import { StormClient } from "./client.ts";
import { everyProcess } from "./fault-schedule.ts";
import type { History } from "./history.ts";
import type { Storm } from "./storm.ts";

/** The figures of a storm. */
export interface Summary {
  /** Tasks that a client knows. */
  readonly tasks: number;
  readonly runs: number;
  readonly endedAs: Readonly<Record<string, number>>;
  readonly requests: number;
  readonly callbacks: number;
  /** Attempts that arrived again with an id that had arrived. */
  readonly duplicatesDelivered: number;
  readonly deadLetters: number;
  readonly executions: number;
  /** Attempts of a run that began more than once: the first one's lease had run out. */
  readonly doubledExecutions: number;
  /** Calls of a service by the queue, and the repeated calls for the same run among them. */
  readonly serviceCalls: number;
  readonly doubledServiceCalls: number;
  /** How often all that Redis held was looked at. */
  readonly audits: number;
  readonly keysRevoked: number;
  /** Tasks that were accepted and did not end. */
  readonly lost: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly kills: Readonly<Record<string, number>>;
  /** How often each process stood still, and how often for longer than a lease. */
  readonly stalls: Readonly<Record<string, number>>;
  readonly longStalls: number;
  readonly plans: Readonly<Record<string, number>>;
  /** Due entries that the storm itself put into Redis: damaged ones, and how often a neighbour's 10,000 at once. */
  readonly damagedEntries: number;
  readonly crowds: number;
  /** Tasks whose results Redis could not take. */
  readonly tooLarge: number;
  readonly rotations: number;
  readonly redelivered: number;
  readonly recoveredMs: number | null;
  readonly violations: readonly Violation[];
}

export function summaryOf({ history, world, plans, stewardship, planted, recovered }: Storm): Summary {
  const { stories, callbacks, executions, found } = history;
  const told = new Set(stories.flatMap((story) => story.told.flatMap(({ task }) => (task ? [task.id] : []))));
  const ends = found.flatMap(({ timeline }) =>
    timeline.filter(({ type }) => END.test(type)).map(({ type }) => type),
  );
  const begun = executions.filter(({ phase }) => phase === "begin");
  const called = executions.filter(({ phase }) => phase === "called");
  return {
    tasks: told.size,
    runs: found.reduce((sum, { run }) => sum + run, 0),
    endedAs: countBy(ends),
    requests: StormClient.requests,
    callbacks: callbacks.length,
    duplicatesDelivered:
      callbacks.length - new Set(callbacks.map(({ id, target }) => `${id} ${target}`)).size,
    deadLetters: found.flatMap(({ deliveries }) => deliveries).filter(({ status }) => status === "dead")
      .length,
    executions: begun.length,
    doubledExecutions:
      begun.length - new Set(begun.map(({ task, run, attempt }) => `${task} ${run} ${attempt}`)).size,
    serviceCalls: called.length,
    doubledServiceCalls: called.length - new Set(called.map(({ task, run }) => `${task} ${run}`)).size,
    audits: history.audits.length,
    keysRevoked: history.lent.length,
    lost: found.filter(({ done }) => !done).length + lostOf(history),
    faults: countAll(Object.values(world.links).map(({ made }) => made)),
    kills: Object.fromEntries(everyProcess(world).map(({ name, kills }) => [name, kills])),
    stalls: countBy(history.stalls.map(({ name }) => name)),
    longStalls: history.stalls.filter(({ from, to }) => to - from > LEASE).length,
    plans,
    damagedEntries: planted.damaged,
    crowds: planted.crowds,
    tooLarge: found.filter(({ error }) => error === "result-too-large").length,
    rotations: stewardship.rotations,
    redelivered: stewardship.redelivered,
    recoveredMs: recovered ?? null,
    violations: check(history),
  };
}

const END = /^task\.(succeeded|failed|canceled|expired)$/;

function lostOf(history: History): number {
  return check(history).filter(({ invariant }) => invariant === "an accepted task is kept").length;
}

function countBy(names: readonly string[]): Record<string, number> {
  return countAll(names.map((name) => ({ [name]: 1 })));
}

function countAll(counts: readonly Readonly<Partial<Record<string, number>>>[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const one of counts) {
    for (const [name, count = 0] of Object.entries(one)) all[name] = (all[name] ?? 0) + count;
  }
  return all;
}
