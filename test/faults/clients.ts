import { setTimeout as sleep } from "node:timers/promises";
import type { Story } from "./history.ts";
import { nextPlan } from "./plans/index.ts";
import type { Means } from "./plans/plan.ts";
import type { StormProject } from "./projects.ts";
import type { Random } from "./random.ts";
import type { Receivers, Testimony } from "./receivers.ts";
import type { World } from "./world.ts";

/** The hand-overs that were reported; asked for by task. */
export type HandOvers = (task: string, after?: Testimony) => Promise<Testimony | undefined>;

/** How long a client waits to be handed a task, in milliseconds. */
const HAND_OVER_PATIENCE = 30_000;

/** Listens for hand-overs; the newest one of a task counts. */
export function hearHandOvers(receivers: Receivers): HandOvers {
  const newest = new Map<string, Testimony>();
  receivers.onTestimony = (testimony) => {
    if (testimony.token !== undefined) newest.set(testimony.task, testimony);
  };
  return async (task, after) => {
    for (const until = Date.now() + HAND_OVER_PATIENCE; Date.now() < until; await sleep(100)) {
      const held = newest.get(task);
      if (held && (!after || held.run > after.run)) return held;
    }
    return undefined;
  };
}

interface Scene {
  readonly random: Random;
  readonly projects: readonly StormProject[];
  readonly stories: Story[];
  /** How often each plan was begun. */
  readonly plans: Record<string, number>;
  readonly world: World;
  readonly receivers: Receivers;
  readonly handOvers: HandOvers;
  /** The plans that there are, by name; all of them unless given. */
  readonly only: readonly string[] | undefined;
}

/** A client: one plan after another until the storm is over, the last one to its end. */
export async function act(scene: Scene, over: AbortSignal): Promise<void> {
  const { random, projects, stories, plans, world, receivers, handOvers, only } = scene;
  const [first, ...others] = projects;
  if (!first) throw new Error("there is no project");
  while (!over.aborted) {
    const project = random.pick([first, ...others]);
    const means: Means = {
      client: project.client,
      random,
      witness: `${receivers.url}/witness`,
      callbackUrl: () => world.links["gateway-receiver"].url + project.callback,
      handedOver: handOvers,
      story(type, asked = []) {
        const story: Story = { ref: crypto.randomUUID(), project: project.project, type, asked, told: [] };
        stories.push(story);
        return story;
      },
    };
    const { name, run } = nextPlan(random, only);
    plans[name] = (plans[name] ?? 0) + 1;
    await run(means);
    await sleep(random.between(50, 800));
  }
}
