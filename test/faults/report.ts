import type { Summary } from "./summary.ts";

/** The figures of a storm, as the table of docs/reports/reliability.md has them. */
export function tableOf(summary: Summary): string {
  const { endedAs, faults, kills, stalls } = summary;
  const ended = (status: string) => figure(endedAs[`task.${status}`]);
  const made = (...kinds: string[]) => kinds.map((kind) => figure(faults[kind])).join(", ");
  const of = (counts: Readonly<Record<string, number>>) =>
    ["workerd", "deno", "redis", "redis stand-in", "qstash stand-in"]
      .map((name) => figure(counts[name]))
      .join(", ");
  const rows: readonly (readonly [what: string, figures: string])[] = [
    ["tasks accepted; runs, replays included", `${figure(summary.tasks)}; ${figure(summary.runs)}`],
    ["**accepted and lost**", `**${figure(summary.lost)}**`],
    [
      "runs that succeeded, failed, expired, were canceled",
      ["succeeded", "failed", "expired", "canceled"].map(ended).join(", "),
    ],
    ["requests of clients", figure(summary.requests)],
    [
      "callbacks that arrived; repetitions among them, with the same id",
      `${figure(summary.callbacks)}; ${figure(summary.duplicatesDelivered)}`,
    ],
    ["dead letters listed; sent again", `${figure(summary.deadLetters)}; ${figure(summary.redelivered)}`],
    [
      "attempts with an observed handler; repetitions among them, after the end of a lease",
      `${figure(summary.executions)}; ${figure(summary.doubledExecutions)}`,
    ],
    [
      "calls of the service by the queue; repetitions among them, for the same run",
      `${figure(summary.serviceCalls)}; ${figure(summary.doubledServiceCalls)}`,
    ],
    ["results that were too large for Redis", figure(summary.tooLarge)],
    [
      "signing secrets rotated; API keys revoked, and used afterwards",
      `${figure(summary.rotations)}; ${figure(summary.keysRevoked)}`,
    ],
    [
      "damaged due entries; times that 10,000 entries of a neighbour were due at once",
      `${figure(summary.damagedEntries)}; ${figure(summary.crowds)}`,
    ],
    ["inspections of the whole Redis", figure(summary.audits)],
    [
      "faults: request dropped, answer dropped, delayed, repeated",
      made("drop-request", "drop-answer", "delay", "duplicate"),
    ],
    [
      "faults: refused before the work, after it, request cut, answer cut",
      made("refuse", "refuse-after", "cut-request", "cut-answer"),
    ],
    ["requests on a link that was down", made("outage")],
    ["kills: workerd, Deno, redis-server, Redis stand-in, QStash stand-in", of(kills)],
    ["paused: workerd, Deno, redis-server, Redis stand-in, QStash stand-in", of(stalls)],
    ["gateways among them for longer than a lease", figure(summary.longStalls)],
    ["seconds from the last fault until nothing was due", recovery(summary.recoveredMs)],
  ];
  return [
    "| figure | value |",
    "| --- | --- |",
    ...rows.map(([what, figures]) => `| ${what} | ${figures} |`),
  ].join("\n");
}

function figure(count = 0): string {
  return count.toLocaleString("en-US");
}

function recovery(ms: number | null): string {
  return ms === null ? "it never came to that" : (ms / 1_000).toFixed(0);
}
