import { setTimeout as sleep } from "node:timers/promises";
import { storedTask } from "./books.ts";
import type { Patch } from "./breaks.ts";
import { collect } from "./collect.ts";
import type { History, Story } from "./history.ts";
import { act, hearHandOvers } from "./people.ts";
import { makeProjects, type StormProject } from "./projects.ts";
import { createRandom, type Random } from "./random.ts";
import { Receivers } from "./receivers.ts";
import { type Stewardship, tend } from "./steward.ts";
import { calm, cutOff, every, everyProcess, kill, sweep } from "./weather.ts";
import { openWorld, type World } from "./world.ts";

export interface StormOptions {
  readonly seed: number;
  /** How long faults are made, in milliseconds. */
  readonly duration: number;
  /** How long it may take afterwards until nothing is due, in milliseconds. */
  readonly recovery: number;
  /** Clients at work side by side. */
  readonly clients: number;
  /** The mean time between two kills, in milliseconds. */
  readonly killEvery: number;
  readonly patches?: readonly Patch[];
  /** Ends the storm at once, without its recovery, when what was seen until now is enough. */
  readonly isEnough?: (history: History) => boolean;
  readonly say?: (line: string) => void;
}

export interface Storm {
  readonly history: History;
  readonly world: Pick<World, "links" | "gateways" | "redis" | "standIns">;
  readonly plans: Readonly<Record<string, number>>;
  readonly stewardship: Stewardship;
  /** Milliseconds from the end of the faults until nothing was due; undefined when it never came to that. */
  readonly recovered: number | undefined;
  /** The end of what each process printed. */
  readonly logs: Readonly<Record<string, string>>;
}

/** Lets a storm go over a deployment, lets it recover, and gives back all that was told and found. */
export async function runStorm(options: StormOptions): Promise<Storm> {
  const random = createRandom(options.seed);
  const receivers = await Receivers.open(random.fork("receivers"));
  const world = await openWorld(random.fork("world"), options.patches ?? [], receivers.url).catch(
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
  { duration, recovery, clients, killEvery, isEnough, say = () => undefined }: StormOptions,
  random: Random,
  world: World,
  receivers: Receivers,
  projects: readonly StormProject[],
): Promise<Storm> {
  const { callbacks, executions } = receivers;
  const stories: Story[] = [];
  const endpoints = Object.fromEntries(projects.map((one) => [one.project, one.endpoints]));
  const live: History = { stories, callbacks, executions, endpoints, found: [], books: [], due: [] };
  const over = new AbortController();
  const swept = new AbortController();
  const handOvers = hearHandOvers(receivers);
  const plans: Record<string, number> = {};
  const stewardship: Stewardship = { rotations: 0, redelivered: 0 };

  for (const link of Object.values(world.links)) link.faulty = true;
  receivers.kind = false;
  const sweeping = every(1_000, swept.signal, () => sweep(world));
  const rough = [
    kill(world, random.fork("kills"), killEvery, over.signal),
    cutOff(world, random.fork("outages"), over.signal),
    ...projects.map((one, index) =>
      tend(one, receivers, random.fork(`steward ${index}`), stewardship, over.signal),
    ),
  ];
  const people = Array.from({ length: clients }, (_, number) =>
    act(
      { random: random.fork(`client ${number}`), projects, stories, plans, world, receivers, handOvers },
      over.signal,
    ),
  );
  const ending = Date.now() + duration;
  let enough = false;
  for (let tick = 1; Date.now() < ending && !enough; tick += 1) {
    await sleep(1_000);
    enough = isEnough?.(live) ?? false;
    if (tick % 30 === 0) say(`${stories.length} stories, ${callbacks.length} callbacks`);
  }
  over.abort();
  await Promise.all(rough);
  for (const link of Object.values(world.links)) link.faulty = false;
  receivers.kind = true;
  const logs = () => Object.fromEntries(everyProcess(world).map((one) => [one.name, one.output()]));
  if (enough) {
    swept.abort();
    await sweeping;
    return { history: live, world, plans, stewardship, recovered: undefined, logs: logs() };
  }
  say("the storm is over: waiting until nothing is due");
  const began = Date.now();
  await Promise.race([Promise.all(people), sleep(recovery)]);
  const recovered = await calm(world, began + recovery);
  swept.abort();
  await sweeping;
  const history = { ...live, ...(await collect(world, projects)) };
  return { history, world, plans, stewardship, recovered: recovered && Date.now() - began, logs: logs() };
}
