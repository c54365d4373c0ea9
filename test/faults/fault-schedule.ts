import { setTimeout as sleep } from "node:timers/promises";
import { LEASE } from "../../src/shared/limits.ts";
import { crowd, dueMembers, poison } from "./books.ts";
import type { Stall } from "./history.ts";
import type { Supervised } from "./programs.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

/* Faults of a world in addition to those of its links. */

/** How long something that was killed is away, in milliseconds. */
const DOWN = [200, 2_500] as const;

export function everyProcess({
  gateways,
  redis,
  standIns,
}: Pick<World, "gateways" | "redis" | "standIns">): Supervised[] {
  return [...gateways, redis, standIns.redis, standIns.qstash];
}

/** Kills one process after another, at random moments; each comes back at the same address. */
export async function kill(world: World, random: Random, mean: number, over: AbortSignal): Promise<void> {
  const [workerd, deno] = world.gateways;
  if (!workerd || !deno) throw new Error("a gateway is missing");
  while (await pause(random.between(mean / 2, mean * 1.5), over)) {
    const victim = random.pick([
      workerd,
      deno,
      workerd,
      deno,
      world.standIns.qstash,
      world.standIns.redis,
      world.redis,
    ]);
    if (victim.stillFor === 0) await victim.kill(random.between(...DOWN)); // what stands still is to wake
  }
}

/** How long a process stands still; a gateway at times for longer than a lease. */
const STALL = [500, 5_000] as const;
const LONG_STALL = [LEASE + 3_000, LEASE + 8_000] as const;

/**
 * Has one process stand still after another, at random moments: what it held has lapsed when it goes on, and it does
 * not know.
 *
 * @param long how often a gateway stands still for longer than a lease
 */
export async function stall(
  world: World,
  random: Random,
  long: number,
  stalls: Stall[],
  over: AbortSignal,
): Promise<void> {
  const [workerd, deno] = world.gateways;
  if (!workerd || !deno) throw new Error("a gateway is missing");
  while (await pause(random.between(4_000, 12_000), over)) {
    const isLong = random.chance(long);
    const { redis, qstash } = world.standIns;
    // workerd ends what it does for a caller who has gone meanwhile; Deno goes on with it.
    const victim = isLong
      ? random.pick([workerd, deno, deno])
      : random.pick([workerd, deno, redis, qstash, world.redis]);
    const from = Date.now();
    const [least, most] = isLong ? LONG_STALL : STALL;
    const stood = await victim.stall(random.between(least, most), over);
    if (stood) stalls.push({ name: victim.name, from, to: Date.now() });
  }
}

/** Takes one way away for a while, after another. */
export async function cutOff(world: World, random: Random, over: AbortSignal): Promise<void> {
  const [first, ...others] = Object.values(world.links);
  if (!first) return;
  while (await pause(random.between(5_000, 15_000), over)) {
    random.pick([first, ...others]).takeAway(random.between(500, 3_000));
  }
}

/** The trigger of the sweep: cron, and every other time QStash's schedule at the same moment. */
export async function sweep(world: World, random: Random): Promise<void> {
  const times = random.chance(0.5) ? 2 : 1;
  const sweeps = Array.from({ length: times }, async () => {
    const response = await fetch(`${world.aGateway()}/storm/sweep`, {
      method: "POST",
      signal: AbortSignal.timeout(8_000),
    });
    await response.body?.cancel();
  });
  await Promise.all(sweeps);
}

/** Entries that the storm itself writes into Redis: damaged ones, and crowds of a neighbour's. */
export interface Planted {
  damaged: number;
  crowds: number;
}

/** Puts damaged entries into the due set, again and again. */
export async function poisoning(
  world: World,
  project: string,
  random: Random,
  planted: Planted,
  over: AbortSignal,
): Promise<void> {
  for (let number = 1; await pause(random.between(5_000, 15_000), over); number += 1) {
    planted.damaged += await plant(() => poison(world.books, project, number));
  }
}

/**
 * Lets very many entries of a neighbour be due at once, again and again: seldom enough that a machine which runs the
 * whole storm can work off one crowd before the next.
 */
export async function crowding(
  world: World,
  random: Random,
  planted: Planted,
  over: AbortSignal,
): Promise<void> {
  for (let wait = 5_000; await pause(wait, over); wait = random.between(120_000, 180_000)) {
    planted.crowds += await plant(() => crowd(world.books));
  }
}

/** How much was planted: nothing while Redis is away. The next time will come. */
async function plant(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    // ReplyError: our own command is wrong, and that would look like a Redis that is always away.
    if (error instanceof Error && error.name === "ReplyError") throw error;
    return 0;
  }
}

/** Does it again and again until it is called off; a round that fails is like a cron trigger that did not come. */
export async function every(ms: number, off: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (await pause(ms, off)) await work().catch(() => undefined);
}

/** Waits until nothing is due, and gives that moment; undefined when it does not come to that in time. */
export async function calm(world: World, until: number): Promise<number | undefined> {
  for (let quiet = 0; Date.now() < until; await sleep(500)) {
    // A look that fails, such as one that takes too long on a busy machine, has not seen that nothing is due.
    const due = await dueMembers(world.books).catch(() => undefined);
    quiet = due?.length === 0 ? quiet + 1 : 0;
    if (quiet === 3) return Date.now();
  }
  return undefined;
}

async function pause(ms: number, off: AbortSignal): Promise<boolean> {
  if (off.aborted) return false;
  await sleep(ms, undefined, { signal: off }).catch(() => undefined); // called off
  return !off.aborted;
}
