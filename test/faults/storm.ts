import { setTimeout as sleep } from "node:timers/promises";
import { audit } from "./auditor.ts";
import { storedTask } from "./books.ts";
import { act, hearHandOvers } from "./clients.ts";
import { collect } from "./collect.ts";
import type { Conditions } from "./conditions.ts";
import {
  calm,
  crowding,
  cutOff,
  every,
  everyProcess,
  kill,
  type Planted,
  poisoning,
  stall,
  sweep,
} from "./fault-schedule.ts";
import type { Audit, History, LentKey, Stall, Story } from "./history.ts";
import { lendKeys } from "./lender.ts";
import { makeProjects, type StormProject } from "./projects.ts";
import { createRandom, type Random } from "./random.ts";
import { Receivers } from "./receivers.ts";
import { type Stewardship, tend } from "./supervisor.ts";
import { openWorld, type World } from "./world.ts";

export interface StormOptions extends Conditions {
  readonly seed: number;
  /** How long faults are made, in milliseconds. */
  readonly duration: number;
  /** How long it may take afterwards until nothing is due, in milliseconds. */
  readonly recovery: number;
  /** Clients at work side by side. */
  readonly clients: number;
  /** The mean time between two kills, in milliseconds. */
  readonly killEvery: number;
  /** Ends the storm at once, without its recovery, when the observations are enough. */
  readonly isEnough?: (history: History) => boolean;
  readonly say?: (line: string) => void;
}

export interface Storm {
  readonly history: History;
  readonly world: Pick<World, "links" | "gateways" | "redis" | "standIns">;
  readonly plans: Readonly<Record<string, number>>;
  readonly stewardship: Stewardship;
  readonly planted: Planted;
  /** Milliseconds from the end of the faults until nothing was due; undefined when it never came to that. */
  readonly recovered: number | undefined;
  /** The end of what each process printed. */
  readonly logs: Readonly<Record<string, string>>;
}

/** The share of stalls that are longer than a lease. */
const LONG_STALLS = 0.15;

/** How often all that Redis holds is looked at, in milliseconds; less often when that takes Redis long. */
const AUDIT_EVERY = 4_000;
const AUDIT_SHARE = 1 / 20;

/** Runs a storm against a deployment, lets it recover, and returns all reports and observations. */
export async function runStorm(options: StormOptions): Promise<Storm> {
  const random = createRandom(options.seed);
  const receivers = await Receivers.open(random.fork("receivers"));
  const world = await openWorld(random.fork("world"), receivers.url, options).catch(
    async (error: unknown) => {
      await receivers.close();
      throw error;
    },
  );
  try {
    receivers.stored = (project, id) => storedTask(world.books, project, id);
    const projects = await makeProjects(world, receivers);
    return await weather(options, random, world, receivers, projects);
  } finally {
    await world.close();
    await receivers.close();
  }
}

async function weather(
  options: StormOptions,
  random: Random,
  world: World,
  receivers: Receivers,
  projects: readonly StormProject[],
): Promise<Storm> {
  const { say = () => undefined } = options;
  const { callbacks, executions } = receivers;
  const [stories, lent, audits, stalls]: [Story[], LentKey[], Audit[], Stall[]] = [[], [], [], []];
  const endpoints = Object.fromEntries(projects.map((one) => [one.project, one.endpoints]));
  const seen = { stories, callbacks, executions, stalls, lent, audits, endpoints };
  const live: History = { ...seen, found: [], books: [], due: [] };
  const [over, looked] = [new AbortController(), new AbortController()];
  const plans: Record<string, number> = {};
  const stewardship: Stewardship = { rotations: 0, redelivered: 0 };
  const planted: Planted = { damaged: 0, crowds: 0 };

  for (const link of Object.values(world.links)) link.faulty = true;
  receivers.kind = false;
  const sweeps = random.fork("sweeps");
  const looking = [
    every(1_000, looked.signal, () => sweep(world, sweeps)),
    watch(world, audits, looked.signal),
  ];
  const rough = [
    kill(world, random.fork("kills"), options.killEvery, over.signal),
    stall(world, random.fork("stalls"), options.longStalls ?? LONG_STALLS, stalls, over.signal),
    cutOff(world, random.fork("outages"), over.signal),
    poisoning(world, projects[0]?.project ?? "", random.fork("poison"), planted, over.signal),
    crowding(world, random.fork("crowds"), planted, over.signal),
    ...projects.flatMap((one, index) => [
      tend(one, receivers, random.fork(`steward ${index}`), stewardship, over.signal),
      lendKeys(one, random.fork(`lender ${index}`), lent, over.signal),
    ]),
  ];
  const scene = { projects, stories, plans, world, receivers, handOvers: hearHandOvers(receivers) };
  const people = Array.from({ length: options.clients }, (_, number) =>
    act({ ...scene, random: random.fork(`client ${number}`), only: options.plans }, over.signal),
  );
  const enough = await last(options, live);
  over.abort();
  await Promise.all(rough);
  for (const link of Object.values(world.links)) link.faulty = false;
  receivers.kind = true;
  let recovered: number | undefined;
  if (!enough) {
    say("the storm is over: waiting until nothing is due");
    const began = Date.now();
    await Promise.race([Promise.all(people), sleep(options.recovery)]);
    const quiet = await calm(world, began + options.recovery);
    recovered = quiet && quiet - began;
  }
  looked.abort();
  await Promise.all(looking);
  const logs = Object.fromEntries(everyProcess(world).map((one) => [one.name, one.output()]));
  const history = enough ? live : { ...live, ...(await collect(world, projects)) };
  return { history, world, plans, stewardship, planted, recovered, logs };
}

/** Waits until its time is up, or the observations are enough. */
async function last({ duration, isEnough, say }: StormOptions, live: History): Promise<boolean> {
  const ending = Date.now() + duration;
  for (let tick = 1; Date.now() < ending; tick += 1) {
    await sleep(1_000);
    if (isEnough?.(live)) return true;
    if (tick % 30 === 0) say?.(`${live.stories.length} stories, ${live.callbacks.length} callbacks`);
  }
  return false;
}

/** Looks again and again at all that Redis holds; its own mistakes end the storm. */
async function watch(world: World, audits: Audit[], off: AbortSignal): Promise<void> {
  for (let pause = AUDIT_EVERY; !off.aborted; ) {
    await sleep(pause, undefined, { signal: off }).catch(() => undefined); // called off
    const began = performance.now();
    const found = await audit(world.books);
    if (found) audits.push(found);
    pause = Math.max(AUDIT_EVERY, (performance.now() - began) / AUDIT_SHARE);
  }
}
