import process from "node:process";
import { readOptions } from "../../src/local/command/options.ts";
import { acceptRound, type Contender, type Round, startReceiver, taskRound } from "../load.ts";
import { markdown } from "../page.ts";
import { startServices, startStage } from "../stage.ts";
import { hostInspected, type Inspected } from "./inspected.ts";
import { timeByPart } from "./parts.ts";

/*
 * The time of an accept and of a task, part by part, next to the hand-written programs that the bench compares the
 * gateway with. A profiler looks at the thread that runs JavaScript, and slows it down. Other load of the machine does
 * too: read the shares and the differences.
 */

const options = readOptions({
  call: "npm run profile --",
  about: "Profiles accepts and tasks, next to the hand-written programs.",
  options: {
    deno: { kind: "flag", about: "profile Deno alone" },
    workerd: { kind: "flag", about: "profile workerd alone" },
    accepts: { kind: "number", value: "N", about: "profiled accepts", least: 1, whole: true, default: 3_000 },
    tasks: { kind: "number", value: "N", about: "profiled tasks", least: 1, whole: true, default: 1_500 },
    "warm-up": { kind: "number", value: "N", about: "before", least: 1, whole: true, default: 3_000 },
  },
});

const RUNTIMES = ["deno", "workerd"] as const;
const LANES = 16;
const ROUNDS = 5;

const services = await startServices();
const receiver = await startReceiver();
try {
  for (const runtime of RUNTIMES.filter((one) => options[one] || !RUNTIMES.some((named) => options[named]))) {
    const hosted = new Map<string, Inspected>();
    const stage = await startStage(runtime, services, async (...worker) => {
      const one = await hostInspected(...worker);
      hosted.set(one.url, one);
      return one;
    });
    try {
      const inspected = ({ url, name }: Contender): Inspected => {
        const one = hosted.get(url);
        if (!one) throw new Error(`${name} has no profiler`);
        return one;
      };
      const accepts = await compare([stage.later, stage.limit], inspected, options.accepts, acceptRound);
      console.log(`### ${runtime}: an accept, µs\n\n${accepts}\n`);
      const toCallback = (one: Contender, round: Round) => taskRound(one, receiver, round);
      const tasks = await compare([stage.queued, stage.glue], inspected, options.tasks, toCallback);
      console.log(`### ${runtime}: a task, µs\n\n${tasks}\n`);
    } finally {
      await stage.stop();
    }
  }
} finally {
  await receiver.stop();
  await services.backing.stop();
}
process.exit();

/** The microseconds of each part per request, of the gateway and of its base, which take turns. */
async function compare(
  [own, base]: readonly [Contender, Contender],
  inspected: (contender: Contender) => Inspected,
  count: number,
  run: (contender: Contender, round: Round) => Promise<unknown>,
): Promise<string> {
  const times = { own: new Map<string, number>(), base: new Map<string, number>() };
  const pairs = [[own, times.own] as const, [base, times.base] as const];
  for (const [contender] of pairs) await run(contender, { count: options["warm-up"], lanes: LANES });
  const round = { count: Math.ceil(count / ROUNDS), lanes: LANES };
  for (let done = 0; done < ROUNDS; done++) {
    for (const [contender, sums] of pairs) {
      const { profile, sourceOf } = inspected(contender);
      for (const [part, time] of timeByPart(await profile(() => run(contender, round)), sourceOf)) {
        sums.set(part, (sums.get(part) ?? 0) + time / (ROUNDS * round.count));
      }
    }
  }
  return table(base.name, times.own, times.base);
}

function table(base: string, own: ReadonlyMap<string, number>, others: ReadonlyMap<string, number>): string {
  const sum = (times: ReadonlyMap<string, number>) => [...times.values()].reduce((all, one) => all + one, 0);
  const row = (part: string, mine: number, other: number) => [
    part,
    ...[
      mine.toFixed(0),
      `${((100 * mine) / sum(own)).toFixed(0)} %`,
      other.toFixed(0),
      (mine - other).toFixed(0),
    ],
  ];
  const parts = [...new Set([...own.keys(), ...others.keys()])];
  const rows = parts
    .map((part) => [part, own.get(part) ?? 0, others.get(part) ?? 0] as const)
    .sort(([, one], [, other]) => other - one);
  return markdown([
    ["", "Ringback", "share", base, "difference"],
    ...rows.map((one) => row(...one)),
    row("together", sum(own), sum(others)),
  ]);
}
