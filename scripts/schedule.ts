import { CommandFailure, codeOf, runCommand } from "../src/local/command/failure.ts";
import { readOptions } from "../src/local/command/options.ts";
import { addressIn, tokenIn } from "./variables.ts";

const SCHEDULE_ID = "ringback-sweep";
const CRON = "*/30 * * * *";
const TIMEOUT = 10_000;

readOptions({
  call: "npm run schedule --",
  about:
    "Registers a QStash schedule as a backup trigger for the sweep. Made again, it is the same schedule.",
  options: {},
  variables: {
    RINGBACK_PUBLIC_URL: "the gateway's address, which QStash calls",
    QSTASH_URL: "QStash's own address (default https://qstash.upstash.io)",
    QSTASH_TOKEN: "the token of the QStash account",
  },
});

await runCommand(async () => {
  const destination = `${addressIn(process.env, "RINGBACK_PUBLIC_URL")}/internal/sweep`;
  const queue = addressIn(process.env, "QSTASH_URL", "https://qstash.upstash.io");
  const fault = await create(`${queue}/v2/schedules/${destination}`, tokenIn(process.env, "QSTASH_TOKEN"));
  if (fault !== undefined) throw new CommandFailure(`${queue} made no schedule: ${fault}`);
  console.log(`schedule ${SCHEDULE_ID}: ${CRON} POST ${destination}`);
});

/**
 * Makes the schedule. Returns the reason when it fails.
 *
 * https://upstash.com/docs/qstash/api-reference/schedules/create-a-schedule
 */
async function create(url: string, token: string): Promise<string | undefined> {
  try {
    const { ok, status, body } = await fetch(url, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "upstash-schedule-id": SCHEDULE_ID,
        "upstash-cron": CRON,
        "upstash-method": "POST",
        "upstash-retries": "0",
      },
      body: JSON.stringify({ v: 1 }),
      signal: AbortSignal.timeout(TIMEOUT),
    });
    await body?.cancel();
    if (ok) return undefined;
    return status === 401 || status === 403
      ? `it does not take QSTASH_TOKEN (${status})`
      : `it answered ${status}`;
  } catch (error) {
    return `it does not answer (${codeOf(error)})`;
  }
}
