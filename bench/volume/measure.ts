import type { TaskFilter, TaskPosition } from "../../src/ports/commands/list.ts";
import { type Crowd, customerOf, fill, newTask, REPORT, SEARCHABLE } from "./fill.ts";
import { submitted, work } from "./work.ts";

/** The cost of one call. */
export interface Cost {
  readonly name: string;
  /** Commands that Redis ran, those inside scripts and EVALSHA itself included, as Upstash bills them. */
  readonly commands: number;
  /** Milliseconds that Redis spent on it. */
  readonly redis: number;
  /** Milliseconds until the answer, the way over REST included; the median. */
  readonly answer: number;
}

/** The newest tasks are always the same ones, so that lists show the same: only what lies behind them differs. */
const NEWEST = 400;

/** Of the newest tasks every twentieth has failed, and the same number has succeeded. */
const [FAILED, SUCCEEDED] = [3, 7];
const CYCLE = 20;

/** A sweep looks for what is due so many milliseconds after the newest tasks were accepted. */
const SWEEP_AFTER = 40_000;

/** Calls that are counted, after one that loads the scripts. */
const CALLS = 20;
const SWEEPS = 2;

/** Fills a Redis with so many tasks and measures what one more costs, and what lists, lookups and sweeps do. */
export async function measure(
  volume: Crowd,
  tasks: number,
  onProgress?: (done: number) => void,
): Promise<readonly Cost[]> {
  await fill(volume, tasks - NEWEST, onProgress);
  const ids: string[] = [];
  for (let n = 0; n < NEWEST; n++) {
    const record = await submitted(volume, volume.big, n);
    ids.push(record.id);
    if (n % CYCLE === FAILED || n % CYCLE === SUCCEEDED)
      await work(volume, record, { isSuccess: n % CYCLE === SUCCEEDED });
  }
  const costs: Cost[] = [];
  for (const [name, filter, limit] of LISTS) {
    costs.push(await cost(volume, name, CALLS, () => list(volume, filter, limit).then(() => undefined)));
  }
  const first = await list(volume, {}, 20);
  costs.push(
    await cost(volume, "list, second page", CALLS, () => list(volume, {}, 20, first).then(() => undefined)),
  );
  costs.push(
    await cost(volume, "lookup", CALLS, (call) => look(volume, ids[call * CYCLE + SUCCEEDED] ?? "")),
  );
  costs.push(await cost(volume, "sweep: what is due, at most 100", SWEEPS, () => sweep(volume)));
  costs.push(await cost(volume, "accept", CALLS, (call) => accept(volume, call)));
  costs.push(await cost(volume, "accept, claim, end, record", CALLS, () => whole(volume)));
  return costs;
}

const LISTS: readonly (readonly [string, TaskFilter, number])[] = [
  ["list", {}, 20],
  ["list, a type", { type: REPORT }, 20],
  ["list, a type that none has", { type: "no.such" }, 20],
  ["list, status=failed", { status: "failed" }, 10],
  ["list, status=succeeded", { status: "succeeded" }, 10],
  ["list, status=running, which none is", { status: "running" }, 10],
  ["list, metadata", { metadata: { [SEARCHABLE]: customerOf(5) } }, 10],
  [
    "list, metadata and status=failed",
    { metadata: { [SEARCHABLE]: customerOf(FAILED) }, status: "failed" },
    10,
  ],
];

/** Lists that find nothing look through a page's budget of entries, where there are as many: commands more, at most. */
export const BUDGETED: ReadonlyMap<string, number> = new Map([["list, a type that none has", 4]]);

async function list(
  { store, big }: Crowd,
  filter: TaskFilter,
  limit: number,
  before?: TaskPosition,
): Promise<TaskPosition | undefined> {
  const answer = await store.listTasks(big, before, limit, filter);
  if (answer.kind !== "found") throw new Error(`list answered ${answer.kind}`);
  if (answer.positions.length > 0) {
    const read = await store.readTasks(
      big,
      answer.positions.map(({ id }) => id),
    );
    if (read.kind !== "found" || read.records.length !== answer.positions.length)
      throw new Error("a list shows what cannot be read");
  }
  return answer.next;
}

async function look({ store, big }: Crowd, id: string): Promise<void> {
  const answer = await store.readTask(big, id, {
    result: true,
    deliveries: (record) => Promise.resolve(record.deliveries),
  });
  if (answer.kind !== "found") throw new Error(`read answered ${answer.kind} for ${id}`);
}

async function sweep(volume: Crowd): Promise<void> {
  const later = volume.later(SWEEP_AFTER);
  const members = await later.peekDue(0);
  const actions = await later.reconcile(0, members, crypto.randomUUID());
  const runs = actions.filter(({ kind }) => kind === "run").length;
  if (runs !== 100) throw new Error(`the sweep found ${runs} tasks to run`);
}

async function accept(volume: Crowd, n: number): Promise<void> {
  const answer = await volume.store.accept(newTask(volume, volume.big, n, 7_200_000));
  if (answer.kind !== "accepted") throw new Error(`accept answered ${answer.kind}`);
}

async function whole(volume: Crowd): Promise<void> {
  await work(volume, await submitted(volume, volume.big, 1));
}

/** Counts what Redis runs while one call after the other is made; nothing else may be asked of it meanwhile. */
async function cost(
  volume: Crowd,
  name: string,
  calls: number,
  call: (index: number) => Promise<void>,
): Promise<Cost> {
  await call(0);
  const before = await statistics(volume);
  const times: number[] = [];
  for (let index = 0; index < calls; index++) {
    const begin = performance.now();
    await call(index);
    times.push(performance.now() - begin);
  }
  const after = await statistics(volume);
  return {
    name,
    commands: (after.commands - before.commands) / calls,
    redis: (after.spent - before.spent) / calls,
    answer: times.toSorted((a, b) => a - b)[Math.floor(calls / 2)] ?? Number.NaN,
  };
}

/** Commands until now, and milliseconds that scripts have taken (which hold those of the commands inside). */
async function statistics({ info }: Crowd): Promise<{ commands: number; spent: number }> {
  const lines = [...(await info("commandstats")).matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm)];
  const counted = lines.filter(([, name]) => name !== "info");
  const scripts = counted.filter(([, name]) => name === "evalsha" || name === "eval");
  return {
    commands: counted.reduce((sum, [, , calls]) => sum + Number(calls), 0),
    spent: scripts.reduce((sum, [, , , micros]) => sum + Number(micros), 0) / 1_000,
  };
}
