import { writeFile } from "node:fs/promises";
import process from "node:process";
import { readOptions } from "../../src/local/command/options.ts";
import { machineText, markdown } from "../page.ts";
import { type Crowd, openCrowd } from "./fill.ts";
import { BUDGETED, type Cost, measure } from "./measure.ts";
import { measureMemory, memoryOf } from "./memory.ts";

/*
 * npm run volume -- --tasks N [--json FILE]: what a call costs with 500 tasks in Redis and with N. Ends with 1 when one
 * takes more commands with N, except for a list that finds nothing: it looks through more, up to a page's budget.
 */

const { tasks: many, json } = readOptions({
  call: "npm run volume --",
  about: "Compares what a call costs with 500 tasks in Redis and with many.",
  options: {
    tasks: { kind: "number", value: "N", about: "how many", least: 1_000, whole: true, default: 500_000 },
    json: { kind: "text", value: "FILE", about: "where the figures are written" },
  },
});

const FEW = 500;

/** Opens a Redis for as long as the work takes. */
async function within<T>(work: (volume: Crowd) => Promise<T>): Promise<T> {
  const volume = await openCrowd();
  try {
    return await work(volume);
  } finally {
    await volume.stop();
  }
}

function progress(done: number): void {
  if (done % 50_000 === 0) process.stderr.write(`${done} tasks\n`);
}

function tableOf(few: readonly Cost[], crowded: readonly Cost[]): string {
  const rows = few.map(({ name, commands, redis, answer }, index) => {
    const other = crowded[index];
    if (other?.name !== name) throw new Error(`${name} was not measured twice`);
    return [
      name,
      commands.toFixed(1),
      other.commands.toFixed(1),
      redis.toFixed(3),
      other.redis.toFixed(3),
      answer.toFixed(1),
      other.answer.toFixed(1),
    ];
  });
  const pair = (what: string) => [`${what}: ${FEW}`, `${many} tasks`];
  return markdown([["", ...pair("commands"), ...pair("ms in Redis"), ...pair("ms to the answer")], ...rows]);
}

const machine = machineText();
console.log(`${machine}\n`);
const few = await within((volume) => measure(volume, FEW));
const began = performance.now();
const crowded = await within(async (volume) => ({
  costs: await measure(volume, many, progress),
  megabytes: (await memoryOf(volume)) / 2 ** 20,
}));
const seconds = (performance.now() - began) / 1_000;
const weight = await within(measureMemory);
console.log(`${tableOf(few, crowded.costs)}\n`);
console.log(
  `${many} tasks: ${crowded.megabytes.toFixed(0)} MiB in Redis, filled and measured in ${seconds.toFixed(0)} s`,
);
console.log(
  `a thousand tasks that wait: ${weight.waiting.toFixed(2)} MiB; that have ended: ${weight.ended.toFixed(2)} MiB; a thousand callbacks: ${weight.deliveries.toFixed(2)} MiB`,
);
const dearer = few.filter(({ name, commands }, index) => {
  const more = (crowded.costs[index]?.commands ?? Number.NaN) - commands;
  return !(more <= (BUDGETED.get(name) ?? 0));
});
if (json) {
  const summary = { machine, few, many, crowded, weight, dearer: dearer.map(({ name }) => name) };
  await writeFile(json, `${JSON.stringify(summary, null, 2)}\n`);
}
for (const { name } of dearer) console.log(`  "${name}" takes more commands among ${many} tasks`);
console.log(dearer.length > 0 ? "crowd: FAILED" : "crowd: passed");
process.exit(dearer.length > 0 ? 1 : 0);
