import process from "node:process";
import { readOptions } from "../../src/local/command/options.ts";
import { DEFAULT_RETENTION } from "../../src/tasks/retention.ts";
import { markdown } from "../page.ts";
import { type Comparison, type Results, readResults } from "../results.ts";
import { retentionTable, STORED } from "./million.ts";
import { type Needs, type Scaled, scale } from "./model.ts";

/*
 * npm run scale: what fills up first at three rates and three run times, and what it costs, from the figures of the last
 * `npm run bench`.
 */

const { days } = readOptions({
  call: "npm run scale --",
  about: "Prints which limit of the services a load meets first, and what it costs a month.",
  options: {
    days: { kind: "number", value: "N", about: "days that an ended task is kept", least: 1, default: 7 },
  },
});

const RATES = [10, 100, 1_000] as const;
const RUN_TIMES = [0.1, 1, 30] as const;

const DAY = 86_400_000;

/** Seconds until QStash has its answer, on top of the handler: two ways over the internet and three of Redis. */
const OVERHEAD = 0.1;

function rowOf(results: Results, contender: string): Comparison {
  const row = results.tasks.find((one) => one.runtime === "workerd" && one.contender === contender);
  if (!row) throw new Error(`bench/results.json has no ${contender} on workerd; run npm run bench`);
  return row;
}

function needsOf(results: Results): Needs {
  const { happy } = results.counts;
  return {
    commands: happy.commands,
    messages: happy.messages,
    cpuMilliseconds: rowOf(results, "Ringback").cpu.own / 1_000,
    invocations: 1 + happy.messages,
    overhead: OVERHEAD,
    gigabytes: STORED,
    days,
  };
}

function line(one: Scaled): readonly string[] {
  const { price } = one;
  return [
    `${one.rate}/s of ${one.runTime} s`,
    one.callsInFlight.toFixed(0),
    one.commandsPerSecond.toFixed(0),
    `${one.gigabytes.toFixed(0)} GB`,
    one.cores.toFixed(2),
    one.first,
    `${one.most.toFixed(0)}/s`,
    price ? `Redis ${price.redis.name}, QStash ${price.queue.name}` : "none is large enough",
    price ? `$${price.dollars.toFixed(0)}` : "",
  ];
}

const results = await readResults();
const needs = needsOf(results);
const scaled = RATES.flatMap((rate) => RUN_TIMES.map((runTime) => scale({ rate, runTime }, needs)));
const kept = { task: DEFAULT_RETENTION.task.succeeded / DAY, delivery: DEFAULT_RETENTION.delivery / DAY };
console.log(
  `Figures of ${results.measuredOn}: ${needs.commands} commands, ${needs.messages} message and ` +
    `${needs.cpuMilliseconds.toFixed(2)} ms of CPU per task. Ended tasks are kept for ${days} days ` +
    `(unless configured, the gateway keeps tasks ${kept.task} and deliveries ${kept.delivery} days).\n`,
);
console.log(
  markdown([
    [
      ...["load", "calls in flight", "commands/s", "memory", "Workers CPU, cores", "first limit"],
      ...["full at", "cheapest plans", "a month"],
    ],
    ...scaled.map(line),
  ]),
);
console.log(`\nA million tasks a month, with one callback each, by how long they are kept:\n`);
console.log(retentionTable(results.counts, needs.cpuMilliseconds));
process.exit(0);
