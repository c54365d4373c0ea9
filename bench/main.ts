import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import * as z from "zod";
import { readOptions } from "../src/local/command/options.ts";
import { root } from "../test/support/process.ts";
import { excesses } from "./budget.ts";
import { measureCounts } from "./counts/measure.ts";
import { measure } from "./measure.ts";
import { machineText } from "./page.ts";
import { pictureOf } from "./picture.ts";
import { countTable, reportOf } from "./report.ts";
import { RESULTS, type Results } from "./results.ts";

/*
 * The gateway's CPU time, next to the least that its services allow and to other systems that do the same work; and
 * its requests, commands and messages. Everything runs on one machine. Throughput and latency are the machine's; CPU
 * time per task and counts are the gateway's. Only counts make it fail.
 */

const options = readOptions({
  call: "npm run bench --",
  about: "Measures what a task costs, next to others, and writes bench/results.json and the report.",
  options: {
    quick: { kind: "flag", about: "count alone, and write nothing" },
    rounds: { kind: "number", value: "N", about: "rounds of each", least: 1, whole: true, default: 9 },
    accepts: { kind: "number", value: "N", about: "per round", least: 1, whole: true, default: 4_000 },
    tasks: { kind: "number", value: "N", about: "per round", least: 1, whole: true, default: 2_000 },
    "warm-up": { kind: "number", value: "N", about: "before", least: 1, whole: true, default: 3_000 },
  },
});

const PAGE = join(root, "docs/reports/performance.md");
const PICTURE = join(root, "docs/reports/performance.svg");

/** The part of the page that the results fill. */
const BETWEEN = /(<!-- results -->).*(<!-- end of results -->)/s;

async function versionOf(name: string): Promise<string> {
  const text = await readFile(join(root, "node_modules", name, "package.json"), "utf8");
  return `${name} ${z.object({ version: z.string() }).parse(JSON.parse(text)).version}`;
}

const counts = await measureCounts({ stream: true });
if (options.quick) console.log(countTable(counts));
else {
  const sizes = {
    rounds: options.rounds,
    accepts: options.accepts,
    tasks: options.tasks,
    warmUp: options["warm-up"],
  };
  const figures = await measure(sizes, (text) => process.stderr.write(`${text}\n`));
  const names = ["workerd", "deno", "bullmq", "fastify", "@restatedev/restate-server"];
  const results: Results = {
    measuredOn: new Date().toISOString().slice(0, 10),
    machine: [machineText(), ...(await Promise.all(names.map(versionOf)))].join("; "),
    plan: `${sizes.rounds} rounds of ${sizes.accepts} accepts and ${sizes.tasks} tasks after ${sizes.warmUp} each`,
    ...figures,
    counts,
  };
  await writeFile(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(PICTURE, pictureOf(results));
  const report = reportOf(results);
  const page = await readFile(PAGE, "utf8");
  await writeFile(
    PAGE,
    page.replace(BETWEEN, (_, begin, end) => `${begin}\n\n${report}\n\n${end}`),
  );
  console.log(report);
}
const failures = excesses(counts);
for (const failure of failures) console.error(`too much: ${failure}`);
console.log(failures.length > 0 ? "bench: FAILED" : "bench: passed");
process.exit(failures.length > 0 ? 1 : 0);
