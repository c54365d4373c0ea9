import { moneyTable } from "./counts/money.ts";
import { markdown } from "./page.ts";
import type { ColdStart, Comparison, Counts, Results } from "./results.ts";
import type { Estimate } from "./statistics.ts";

/** All tables of a bench, as the part of a page. */
export function reportOf(results: Results): string {
  const { accept, tasks, alone, peers, cold, missing, counts } = results;
  const conditions = [`measured on ${results.measuredOn}`, ...results.machine.split("; "), results.plan];
  return [
    conditions.map((one) => `- ${one}`).join("\n"),
    section("CPU per accept, in µs", cpuTable(accept)),
    section("CPU per task, in µs", cpuTable(tasks)),
    section("One task at a time", aloneTable(alone)),
    section("Whole machine, 32 tasks at a time", machineTable(peers)),
    ...missing,
    section(
      "Whole machine, 16 at a time",
      machineTable([...named("202: ", accept), ...named("task: ", tasks)]),
    ),
    ...(cold.length > 0 ? [section("Cold start, from the spawn to the first 202", coldTable(cold))] : []),
    section("Requests, commands, messages", countTable(counts)),
    section("Money per million tasks that go well", moneyTable(counts)),
  ].join("\n\n");
}

function section(title: string, table: string): string {
  return `### ${title}\n\n${table}`;
}

function named(prefix: string, rows: readonly Comparison[]): readonly Comparison[] {
  return rows.map((row) => ({ ...row, runtime: prefix + row.runtime }));
}

const micros = (value: number): string => value.toFixed(0);

function ratio(estimate: Estimate | undefined): string {
  if (!estimate) return "";
  const { median, low, high } = estimate;
  return `${median.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

function cpuTable(rows: readonly Comparison[]): string {
  const head = ["", "own", "÷", "ratio (95 %)", "Redis's REST", "redis-server", "QStash", "load"];
  return markdown([
    head,
    ...rows.map(({ runtime, contender, cpu, base, cpuRatio }) => [
      `${runtime}: ${contender}`,
      ...[micros(cpu.own), base ?? "", ratio(cpuRatio)],
      ...[cpu.rest, cpu.redis, cpu.qstash, cpu.load].map(micros),
    ]),
  ]);
}

function aloneTable(rows: readonly Comparison[]): string {
  return markdown([
    ["", "p50 ms", "p99 ms", "÷", "p50 ratio (95 %)"],
    ...rows.map(({ runtime, contender, p50, p99, base, p50Ratio }) => [
      `${runtime}: ${contender}`,
      ...[p50.toFixed(1), p99.toFixed(1), base ?? "", ratio(p50Ratio)],
    ]),
  ]);
}

function machineTable(rows: readonly Comparison[]): string {
  const all = ({ cpu }: Comparison): number => cpu.own + cpu.rest + cpu.redis + cpu.qstash + cpu.load;
  return markdown([
    ["", "per second", "÷", "ratio (95 %)", "p50 ms", "p99 ms", "CPU of all, µs"],
    ...rows.map((row) => [
      `${row.runtime}: ${row.contender}`,
      ...[row.perSecond.toFixed(0), row.base ?? "", ratio(row.perSecondRatio)],
      ...[row.p50.toFixed(1), row.p99.toFixed(1), micros(all(row))],
    ]),
  ]);
}

function coldTable(rows: readonly ColdStart[]): string {
  return markdown([
    ["", "ms", "÷ trivial (95 %)"],
    ...rows.map((row) => [`${row.runtime}: ${row.name}`, row.ms.toFixed(0), ratio(row.ratio)]),
  ]);
}

/** The counts, as Markdown. */
export function countTable(counts: Counts): string {
  const { minutes } = counts.waitingInLine;
  const rows = [
    ["a task that goes well", counts.happy],
    ["the same, started immediately", counts.immediate],
    ["a retry", counts.retry],
    [`${minutes} minutes in a concurrency line`, counts.waitingInLine],
    ["a wait (`Prefer: wait`)", counts.wait],
    ...(counts.streamMinute ? [["a minute of a live stream", counts.streamMinute] as const] : []),
    ["an idle day", counts.idleDay],
  ] as const;
  return markdown([
    ["", "requests to Redis", "commands", "messages billed", "messages published"],
    ...rows.map(([name, { requests, commands, messages, publishes }]) => [
      name,
      ...[requests, commands, messages, publishes].map(
        (value) => `${Number(value.toFixed(value < 10 ? 1 : 0))}`,
      ),
    ]),
  ]);
}
