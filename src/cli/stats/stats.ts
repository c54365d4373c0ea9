import type { Command } from "commander";
import type { Stats } from "../../client/index.ts";
import { UsageError } from "../common/failure.ts";
import { print, table } from "../common/output.ts";
import type { Run } from "../common/run.ts";
import { openSession } from "../common/session.ts";

interface StatsOptions {
  readonly all?: true;
  readonly since?: string;
  readonly step?: "1h" | "1d";
}

/** `ringback stats [--all]` */
export function addStats(program: Command, run: Run): void {
  program
    .command("stats")
    .description("count the tasks of a project, or of all projects")
    .option("--all", "of all projects, with the admin token")
    .option("--since <duration>", "how far the series goes back", "24h")
    .option("--step <step>", "1h or 1d")
    .action(
      run<StatsOptions>(async (options) => {
        const { all, since, step, project } = options;
        if (all && project !== undefined) throw new UsageError("--all and --project exclude each other");
        const { ringback, json } = openSession(options, all ? "admin" : "key");
        const stats = await ringback.stats({ ...(since !== undefined && { since }), ...(step && { step }) });
        print(json, stats, () => statsText(stats));
        return 0;
      }),
    );
}

const COLUMNS = ["accepted", "succeeded", "failed", "canceled", "expired"] as const;

function statsText({ tasks, oldestWaitingAt, totals, deliveries, series, lastSweepAt }: Stats): string {
  const about = tasks.exact ? "" : "about ";
  const now = (["scheduled", "queued", "running", "waiting"] as const).map(
    (status) => `${about}${tasks[status]} ${status}`,
  );
  const rows = series.map((hour) => [
    hour.at,
    ...[...COLUMNS, "dead" as const].map((name) => `${hour[name]}`),
  ]);
  const sum = ["since the start", ...COLUMNS.map((name) => `${totals[name]}`), `${deliveries.dead}`];
  return [
    `open tasks: ${tasks.open} (${now.join(", ")})`,
    ...(oldestWaitingAt === undefined ? [] : [`overdue since ${oldestWaitingAt}`]),
    ...(lastSweepAt === undefined ? [] : [`last sweep ${lastSweepAt}`]),
    "",
    table([["", ...COLUMNS, "dead deliveries"], ...rows, sum]),
  ].join("\n");
}
