import { setTimeout as sleep } from "node:timers/promises";
import { cpuOfGroups, ownCpu } from "./cpu.ts";
import type { Contender, Round, Timed } from "./load.ts";
import type { Comparison, Cpu } from "./results.ts";
import { bootstrap, median, quantile } from "./statistics.ts";

/** A contender and the one that it is compared with; none for a base itself. */
export interface Entry {
  readonly contender: Contender;
  readonly base?: Contender;
}

export interface Plan {
  /** Counted rounds of each contender. */
  readonly rounds: number;
  readonly round: Round;
  /** Requests of each contender before the first counted round. */
  readonly warmUp: number;
}

interface Measured {
  readonly cpu: Cpu;
  readonly timed: Timed;
}

/**
 * Lets the contenders take turns, so that other load of the machine falls on all of them. Each round begins with the
 * next contender: none always runs after the same other one.
 */
export async function compare(
  entries: readonly Entry[],
  run: (contender: Contender, round: Round) => Promise<Timed>,
  plan: Plan,
  onProgress: (text: string) => void,
): Promise<readonly Comparison[]> {
  for (const { contender } of entries) await run(contender, { ...plan.round, count: plan.warmUp });
  const measured = new Map<Contender, Measured[]>(entries.map(({ contender }) => [contender, []]));
  for (let round = 0; round < plan.rounds; round++) {
    const from = round % entries.length;
    for (const { contender } of [...entries.slice(from), ...entries.slice(0, from)]) {
      measured.get(contender)?.push(await measure(contender, run, plan.round));
    }
    onProgress(`round ${round + 1} of ${plan.rounds}`);
  }
  return entries.map((entry) => summary(entry, measured));
}

async function measure(
  contender: Contender,
  run: (contender: Contender, round: Round) => Promise<Timed>,
  round: Round,
): Promise<Measured> {
  const before = await settled(contender);
  const timed = await run(contender, round);
  const load = ownCpu() - before.load;
  const after = await settled(contender);
  const each = (column: keyof Cpu) => (after[column] - before[column]) / round.count;
  return {
    cpu: {
      own: each("own"),
      rest: each("rest"),
      redis: each("redis"),
      qstash: each("qstash"),
      load: load / round.count,
    },
    timed,
  };
}

const LOOK_EVERY = 50;
const MOST_LOOKS = 60;

/** The CPU times once the work that continues after the last answer is done: when a look finds nothing new. */
async function settled(contender: Contender): Promise<Cpu> {
  let last = await look(contender);
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    await sleep(LOOK_EVERY);
    const next = await look(contender);
    if (next.own === last.own && next.rest === last.rest && next.qstash === last.qstash) return next;
    last = next;
  }
  return last; // something of it works all the time: that is a cost too
}

/** The process group of a service that is not used: no group has this number. */
const NONE = -1;

async function look({ groups, services }: Contender): Promise<Cpu> {
  const asked = [services.rest ?? NONE, services.redis ?? NONE, services.qstash ?? NONE, ...groups];
  const [rest = 0, redis = 0, qstash = 0, ...own] = await cpuOfGroups(asked);
  return { own: own.reduce((sum, used) => sum + used, 0), rest, redis, qstash, load: ownCpu() };
}

function summary({ contender, base }: Entry, all: ReadonlyMap<Contender, readonly Measured[]>): Comparison {
  const own = all.get(contender) ?? [];
  const others = base && all.get(base);
  const of = (pick: (one: Measured) => number) => median(own.map(pick));
  const ratio = (pick: (one: Measured) => number) =>
    others && bootstrap(own.map((one, index) => pick(one) / pick(others[index] ?? one)));
  const p50 = ({ timed }: Measured) => quantile(timed.durations, 0.5);
  const cpuRatio = ratio(({ cpu }) => cpu.own);
  const p50Ratio = ratio(p50);
  const perSecond = ({ timed }: Measured) => timed.durations.length / timed.seconds;
  const perSecondRatio = ratio(perSecond);
  return {
    runtime: contender.runtime,
    contender: contender.name,
    cpu: {
      own: of(({ cpu }) => cpu.own),
      rest: of(({ cpu }) => cpu.rest),
      redis: of(({ cpu }) => cpu.redis),
      qstash: of(({ cpu }) => cpu.qstash),
      load: of(({ cpu }) => cpu.load),
    },
    perSecond: of(perSecond),
    p50: of(p50),
    p99: of(({ timed }) => quantile(timed.durations, 0.99)),
    ...(base && { base: base.name }),
    ...(cpuRatio && { cpuRatio }),
    ...(p50Ratio && { p50Ratio }),
    ...(perSecondRatio && { perSecondRatio }),
  };
}
