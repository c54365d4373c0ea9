import { writeFile } from "node:fs/promises";
import process from "node:process";
import { readOptions } from "../../src/local/command/options.ts";
import type { Runtime } from "../support/stack.ts";
import type { Report } from "./fuzz.ts";
import { fuzzStack } from "./stack.ts";

/* npm run fuzz -- --seed N --requests N [--runtime workerd|deno] [--report file]: the requests are shared out among the runtimes. */

const { seed, ...values } = readOptions({
  call: "npm run fuzz --",
  about: "Sends made-up requests and holds the answers to the OpenAPI document.",
  options: {
    seed: {
      kind: "number",
      value: "N",
      about: "repeats the requests of a run; random unless given",
      least: 0,
      whole: true,
      default: Math.floor(Math.random() * 1_000_000),
    },
    requests: { kind: "number", value: "N", about: "how many", least: 1, whole: true, default: 20_000 },
    runtime: { kind: "text", value: "NAME", about: "one of both runtimes alone", oneOf: ["workerd", "deno"] },
    report: { kind: "text", value: "FILE", about: "where the findings are written" },
  },
});

const runtimes: readonly Runtime[] =
  values.runtime === "workerd" || values.runtime === "deno" ? [values.runtime] : ["workerd", "deno"];
const each = Math.ceil(values.requests / runtimes.length);
console.log(`fuzz: seed ${seed}, ${each} requests to each of ${runtimes.join(" and ")}`);

const reports: Record<string, Report> = {};
for (const runtime of runtimes) {
  const began = performance.now();
  const report = await fuzzStack(runtime, runtime === "workerd" ? "real" : "embedded", seed, each);
  reports[runtime] = report;
  print(runtime, report, (performance.now() - began) / 1_000);
}
if (values.report) await writeFile(values.report, `${JSON.stringify(reports, null, 2)}\n`);
const bad = Object.values(reports).some(
  ({ findings, disturbed, errors }) => findings.length + disturbed.length + errors.length > 0,
);
console.log(bad ? "fuzz: FAILED" : "fuzz: passed");
process.exit(bad ? 1 : 0);

function print(runtime: string, report: Report, seconds: number): void {
  const byStatus = Object.entries(report.statuses).map(([status, times]) => `${status}: ${times}`);
  console.log(`${runtime}: ${report.sent} requests in ${seconds.toFixed(0)} s; ${byStatus.join(", ")}`);
  const untouched = Object.entries(report.operations).flatMap(([name, statuses]) =>
    Object.keys(statuses).some((status) => /^[23]/.test(status)) ? [] : [name],
  );
  if (untouched.length > 0) console.log(`  never answered 2xx or 3xx: ${untouched.join(", ")}`);
  for (const { fault, times, request, answer } of report.findings) {
    console.log(`  ${times} × ${fault}\n    ${shortened(request)}\n    ${shortened(answer)}`);
  }
  for (const name of report.disturbed) console.log(`  the bystander's ${name} has changed`);
  for (const line of report.errors.slice(0, 20)) console.log(`  ${line.slice(0, 2_000)}`);
}

function shortened(text: string): string {
  return text.length > 500 ? `${text.slice(0, 500)}…` : text;
}
