import { writeFile } from "node:fs/promises";
import process from "node:process";
import { type Command, type Option, readOptions, usageError } from "../../src/local/command/options.ts";
import { breakAndWatch } from "./breakage.ts";
import { BREAKS } from "./breaks.ts";
import { INVARIANTS, type Invariant } from "./checker.ts";
import { tableOf } from "./report.ts";
import { runStorm } from "./storm.ts";
import { summaryOf } from "./summary.ts";

/*
 * npm run faults -- --seed N --minutes M [--json FILE]   a storm, and whether every promise held
 * npm run faults -- --break NAME | --breaks              what is broken on purpose must be caught, each promise at least once
 */

const COMMAND = {
  call: "npm run faults --",
  about: "Runs a storm of faults and looks whether every promise held.",
  options: {
    seed: {
      kind: "number",
      value: "N",
      about: "repeats the choices of a run; random unless given",
      least: 0,
      whole: true,
      default: Math.floor(Math.random() * 1_000_000),
    },
    minutes: { kind: "number", value: "M", about: "how long the storm lasts", least: 0.1, default: 2 },
    clients: { kind: "number", value: "N", about: "clients at a time", least: 1, whole: true, default: 40 },
    json: { kind: "text", value: "FILE", about: "where the summary is written" },
    logs: { kind: "text", value: "FILE", about: "where the gateways' logs are written" },
    break: { kind: "text", value: "NAME", about: "breaks one promise on purpose, which must be caught" },
    breaks: { kind: "flag", about: "breaks each promise on purpose" },
  },
} as const satisfies Command<Readonly<Record<string, Option>>>;
const { seed, ...values } = readOptions(COMMAND);
const say = (line: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);

if (values.breaks || values.break !== undefined) {
  const chosen = BREAKS.filter(({ name }) => values.breaks || name === values.break);
  if (chosen.length === 0)
    usageError(COMMAND, `--break must be ${BREAKS.map(({ name }) => name).join(" or ")}`);
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
  duration: values.minutes * 60_000,
  recovery: 600_000,
  clients: values.clients,
  killEvery: 15_000,
  say,
});
const summary = summaryOf(storm);
console.log(JSON.stringify(summary, null, 2));
console.log(`\n${tableOf(summary)}\n`);
if (values.json !== undefined)
  await writeFile(values.json, `${JSON.stringify({ seed, ...summary }, null, 2)}\n`);
if (values.logs !== undefined) await writeFile(values.logs, JSON.stringify(storm.logs, null, 2));
const failed = summary.violations.length > 0 || summary.recoveredMs === null;
say(failed ? "faults: FAILED" : "faults: passed");
process.exit(failed ? 1 : 0);
