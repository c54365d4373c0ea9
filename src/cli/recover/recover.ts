import type { Command } from "commander";
import type { Recovery, Ringback } from "../../client/index.ts";
import { createBar } from "../common/bar.ts";
import { print, table } from "../common/output.ts";
import type { Run } from "../common/run.ts";
import { openSession } from "../common/session.ts";

interface RecoverOptions {
  readonly dryRun?: true;
  readonly since?: string;
  readonly until?: string;
}

/** The gateway goes back as far as it keeps dead letters. */
const ALWAYS = new Date(0).toISOString();

/** `ringback recover <endpoint>` */
export function addRecover(program: Command, run: Run): void {
  program
    .command("recover")
    .description("send an endpoint's dead letters again")
    .argument("<endpoint>", "the endpoint's id")
    .option("--dry-run", "show which, and send nothing")
    .option("--since <time>", "those of this time on, RFC 3339; all unless given")
    .option("--until <time>", "and until then")
    .action(
      run<RecoverOptions>(async (options, id = "") => {
        const { dryRun, since = ALWAYS, until } = options;
        const { ringback, json } = openSession(options);
        const period = { since, ...(until !== undefined && { until }) };
        const found = await ringback.endpoints.recover(id, { ...period, dryRun: true });
        if (dryRun || found.count === 0) {
          print(json, found, () => foundText(found));
          return 0;
        }
        const recovered = await recoverAll(ringback, id, period, found.count);
        print(json, { recovered, pace: found.pace }, () => sentText(recovered, found.pace));
        return 0;
      }),
    );
}

/** Page after page, until no dead letter is left. */
async function recoverAll(
  ringback: Ringback,
  id: string,
  period: { readonly since: string; readonly until?: string },
  count: number,
): Promise<number> {
  const bar = createBar();
  let recovered = 0;
  let cursor: string | null = null;
  try {
    bar.show(0, `0 of ${count}`);
    do {
      const page: Recovery = await ringback.endpoints.recover(id, {
        ...period,
        ...(cursor !== null && { cursor }),
      });
      recovered += page.recovered;
      cursor = page.nextCursor;
      const total = Math.max(count, recovered + page.remaining);
      bar.show((100 * recovered) / Math.max(1, total), `${recovered} of ${total}`);
    } while (cursor !== null);
  } finally {
    bar.end();
  }
  return recovered;
}

function foundText({ count, deliveries, pace }: Recovery): string {
  if (count === 0) return "No dead letter.";
  const rows = deliveries.map((one) => [one.id, one.createdAt, one.eventType, one.taskId ?? ""]);
  const more = count > deliveries.length ? `\n… and ${count - deliveries.length} more` : "";
  return `${table(rows)}${more}\n\n${count} dead letters, ${pace} per second. Without --dry-run they are sent again.`;
}

function sentText(recovered: number, pace: number): string {
  return `${recovered} deliveries are being sent again, ${pace} per second.`;
}
