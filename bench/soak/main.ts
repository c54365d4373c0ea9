import { writeFile } from "node:fs/promises";
import process from "node:process";
import { readOptions } from "../../src/local/command/options.ts";
import { machineText } from "../page.ts";
import { processesOf, startDeployment } from "./deployment.ts";
import { type Endurance, endure } from "./endure.ts";
import { quantile } from "./flatness.ts";
import { Ledger } from "./ledger.ts";
import { type Overload, overload, type Storm } from "./overload.ts";
import { enduranceText, overloadText, stepText, toValidationErrors } from "./report.ts";
import { findHighest, type Step } from "./sustain.ts";
import { Traffic } from "./traffic.ts";

/*
 * npm run soak -- --minutes M [--step S] [--overload S] [--rate R] [--json FILE]
 *
 * Everything runs on one machine: the gateway (the production bundle on workerd), redis-server, both stand-ins, and the
 * load itself. First the highest rate is found at which the system does not fall behind (or taken from --rate), then
 * 70 % of it runs for M minutes, then three times as much comes for S seconds, twice: against the limit of the
 * project's rate, and against its quota of open tasks. Ends with 1 when something grew that should be flat, when an
 * accepted task was lost, when a refusal was not the one that it should be, or when recovery took too long.
 */

const options = readOptions({
  call: "npm run soak --",
  about: "Runs the gateway under steady load and under overload, and looks whether anything grows.",
  options: {
    minutes: { kind: "number", value: "M", about: "how long the usual load lasts", least: 0.1, default: 1 },
    step: { kind: "number", value: "S", about: "seconds per rate that is tried", least: 1, default: 10 },
    overload: { kind: "number", value: "S", about: "seconds of each overload", least: 1, default: 60 },
    rate: {
      kind: "number",
      value: "R",
      about: "tasks a second, instead of the highest that is found",
      least: 1,
    },
    json: { kind: "text", value: "FILE", about: "where the figures are written" },
  },
});

const USUAL = 0.7;
const STORM = 3;

/** The quota of open tasks in the second overload: so many seconds' worth of the highest rate. */
const QUOTA_SECONDS = 10;

interface Summary {
  readonly machine: string;
  readonly startedAt: string;
  readonly steps: readonly Step[];
  readonly highest: number;
  readonly endurance: Endurance;
  readonly overloads: readonly Overload[];
  /** Callbacks that arrived again after they were accepted, erasures, and callbacks that were refused and repeated. */
  readonly repeated: number;
  readonly erasures: number;
  readonly erasuresRefused: number;
  readonly faults: readonly string[];
}

async function soak(machine: string): Promise<Summary> {
  const startedAt = new Date().toISOString();
  const deployment = await startDeployment();
  const ledger = await Ledger.start();
  const traffic = new Traffic(deployment, ledger);
  try {
    const steps: Step[] = [];
    const onStep = (step: Step) => {
      steps.push(step);
      console.log(stepText(step));
    };
    const highest = options.rate ?? (await findHighest(traffic, ledger, options.step, onStep));
    const usualRate = Math.round(highest * USUAL);
    console.log(`\nhighest rate: ${highest} tasks/s; now ${usualRate} tasks/s for ${options.minutes} min\n`);
    const processes = await processesOf(process.pid);
    const endurance = await endure(deployment, processes, traffic, ledger, {
      rate: usualRate,
      minutes: options.minutes,
    });
    console.log(enduranceText(endurance));
    const usual = {
      rate: usualRate,
      p99: quantile(
        endurance.accept.map(({ p99 }) => p99),
        0.5,
      ),
    };
    const common = { rate: highest * STORM, seconds: options.overload, usual };
    const storms: readonly Storm[] = [
      { ...common, name: "the project's rate", limits: { rateLimit: highest, maxOpen: null } },
      {
        ...common,
        name: "the project's quota of open tasks",
        limits: { rateLimit: null, maxOpen: highest * QUOTA_SECONDS },
      },
    ];
    const overloads: Overload[] = [];
    for (const storm of storms) {
      overloads.push(await overload(deployment, traffic, ledger, storm));
      console.log(overloadText(overloads.at(-1)));
    }
    const { repeated, erasures, erasuresRefused } = ledger;
    const summary = {
      machine,
      startedAt,
      steps,
      highest,
      endurance,
      overloads,
      repeated,
      erasures,
      erasuresRefused,
    };
    return { ...summary, faults: toValidationErrors(endurance, overloads) };
  } finally {
    await traffic.close();
    await ledger.stop();
    await deployment.stop();
  }
}

/** Nobody reads the third place behind the point. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === "number" ? Math.round(value * 100) / 100 : value;
}

const machine = machineText();
console.log(`${machine}\n`);
const summary = await soak(machine);
if (options.json) await writeFile(options.json, `${JSON.stringify(summary, rounded, 2)}\n`);
const { repeated, erasures, erasuresRefused, faults } = summary;
console.log(
  `\n${erasures} tasks erased, ${erasuresRefused} erasures repeated; ${repeated} callbacks came more than once`,
);
for (const fault of faults) console.log(`  ${fault}`);
console.log(faults.length > 0 ? "soak: FAILED" : "soak: passed");
process.exit(faults.length > 0 ? 1 : 0);
