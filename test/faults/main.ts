import { writeFile } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import { breakAndWatch } from "./breakage.ts";
import { BREAKS } from "./breaks.ts";
import { INVARIANTS, type Invariant } from "./checker.ts";
import { runStorm } from "./storm.ts";
import { summaryOf } from "./summary.ts";

/*
 * npm run faults -- --seed N --minutes M [--json FILE]   a storm, and whether every promise held
 * npm run faults -- --break NAME | --breaks              what is broken on purpose must be caught, each promise at least once
 */

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: `${Math.floor(Math.random() * 1_000_000)}` },
    minutes: { type: "string", default: "2" },
    clients: { type: "string", default: "40" },
    json: { type: "string" },
    logs: { type: "string" },
    break: { type: "string" },
    breaks: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const say = (line: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);

if (values.breaks || values.break !== undefined) {
  const chosen = BREAKS.filter(({ name }) => values.breaks || name === values.break);
  if (chosen.length === 0)
    throw new Error(`there is no break ${values.break}: ${BREAKS.map(({ name }) => name).join(", ")}`);
  const missed: string[] = [];
  const unseen = new Set<Invariant>(values.breaks ? INVARIANTS : []);
  console.log("| break | what it takes away | caught by | after |\n| --- | --- | --- | --- |");
  for (const one of chosen) {
    const { caughtBy, seconds } = await breakAndWatch(one, seed);
    if (caughtBy.length === 0) missed.push(one.name);
    for (const invariant of caughtBy) unseen.delete(invariant);
    console.log(
      `| ${one.name} | ${one.what} | ${caughtBy.join(", ") || "NOTHING"} | ${seconds.toFixed(0)} s |`,
    );
  }
  const lacking = [
    ...missed.map((name) => `the break ${name} was NOT caught`),
    ...[...unseen].map((invariant) => `"${invariant}" was NOT seen broken`),
  ];
  console.log(`\nfaults: ${lacking.join("; ") || "every break was caught, and every promise seen broken"}`);
  process.exit(lacking.length === 0 ? 0 : 1);
}

say(`seed ${seed}, ${values.minutes} minutes`);
const storm = await runStorm({
  seed,
  duration: Number(values.minutes) * 60_000,
  recovery: 600_000,
  clients: Number(values.clients),
  killEvery: 15_000,
  say,
});
const summary = summaryOf(storm);
console.log(JSON.stringify(summary, null, 2));
if (values.json !== undefined)
  await writeFile(values.json, `${JSON.stringify({ seed, ...summary }, null, 2)}\n`);
if (values.logs !== undefined) await writeFile(values.logs, JSON.stringify(storm.logs, null, 2));
const failed = summary.violations.length > 0 || summary.recoveredMs === null;
say(failed ? "faults: FAILED" : "faults: passed");
process.exit(failed ? 1 : 0);
