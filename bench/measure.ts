import { measureCold } from "./cold.ts";
import { compare, type Entry, type Plan } from "./compare.ts";
import { acceptRound, type CallbackReceiver, startReceiver, taskRound } from "./load.ts";
import { startBullmq } from "./peers/bullmq.ts";
import type { Peer } from "./peers/peer.ts";
import { startRestate } from "./peers/restate.ts";
import type { ColdStart, Results } from "./results.ts";
import { type Stage, startServices, startStage } from "./stage.ts";

export interface Sizes {
  readonly rounds: number;
  /** Requests of a round, and tasks of a round. */
  readonly accepts: number;
  readonly tasks: number;
  readonly warmUp: number;
}

type Figures = Pick<Results, "accept" | "tasks" | "alone" | "peers" | "cold" | "missing">;

const LANES = 16;
const CROWDED_LANES = 32;

/** Tasks that run one at a time, in how many rounds: a median of latencies needs fewer. */
const ALONE = { count: 100, lanes: 1 } as const;
const ALONE_ROUNDS = 5;

/** Starts of each program per round of the others: they take a fraction of a second. */
const STARTS = 3;

/** Measures all contenders, on services that are theirs alone. */
export async function measure(sizes: Sizes, onProgress: (text: string) => void): Promise<Figures> {
  const services = await startServices();
  const receiver = await startReceiver();
  const stages: Stage[] = [];
  const peers: Peer[] = [];
  const missing: string[] = [];
  try {
    for (const runtime of ["workerd", "deno"] as const) stages.push(await startStage(runtime, services));
    for (const [name, starting] of [
      ["BullMQ", startBullmq],
      ["Restate", startRestate],
    ] as const) {
      try {
        peers.push(await starting());
      } catch (error) {
        missing.push(`${name} could not run here: ${error instanceof Error ? error.message : error}`);
      }
    }
    return { ...(await rounds(sizes, stages, peers, receiver, onProgress)), missing };
  } finally {
    await Promise.all([...stages, ...peers].map((one) => one.stop()));
    await receiver.stop();
    await services.backing.stop();
  }
}

async function rounds(
  sizes: Sizes,
  stages: readonly Stage[],
  peers: readonly Peer[],
  receiver: CallbackReceiver,
  onProgress: (text: string) => void,
): Promise<Omit<Figures, "missing">> {
  const toCallback = (contender: Entry["contender"], round: Plan["round"]) =>
    taskRound(contender, receiver, round);
  const planOf = (count: number, lanes: number): Plan => ({
    rounds: sizes.rounds,
    round: { count, lanes },
    warmUp: sizes.warmUp,
  });
  const say = (what: string) => (text: string) => onProgress(`${what}: ${text}`);
  const pairs = stages.flatMap(({ queued, immediate, glue }): Entry[] => [
    { contender: queued, base: glue },
    { contender: immediate, base: glue },
    { contender: glue },
  ]);
  const accept = await compare(
    stages.flatMap(({ later, again, limit, script }): Entry[] => [
      { contender: later, base: limit },
      { contender: again, base: later },
      { contender: limit },
      { contender: script },
    ]),
    acceptRound,
    planOf(sizes.accepts, LANES),
    say("accept"),
  );
  const tasks = await compare(pairs, toCallback, planOf(sizes.tasks, LANES), say("task"));
  const others = peers.map(({ contender }): Entry => ({ contender }));
  const restate = others.find(({ contender }) => contender.name === "Restate")?.contender;
  const ours = stages.flatMap(({ queued, immediate }) => [queued, immediate]);
  // All of them have run thousands of tasks by now, except the peers, which do in the next comparison's warm-up.
  const crowded = await compare(
    [...ours.map((contender): Entry => ({ contender, ...(restate && { base: restate }) })), ...others],
    toCallback,
    { ...planOf(2 * sizes.tasks, CROWDED_LANES), rounds: Math.ceil(sizes.rounds / 2) },
    say("whole machine"),
  );
  const alone = await compare(
    [...pairs, ...others],
    toCallback,
    { rounds: Math.min(sizes.rounds, ALONE_ROUNDS), round: ALONE, warmUp: ALONE.count },
    say("one at a time"),
  );
  const cold: ColdStart[] = [];
  for (const { runtime, cold: programs } of stages) {
    const { least, others } = programs;
    cold.push(...(await measureCold(runtime, least, others, STARTS * sizes.rounds)));
  }
  return { accept: [...accept], tasks: [...tasks], alone: [...alone], peers: [...crowded], cold };
}
