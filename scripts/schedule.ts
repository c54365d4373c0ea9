import { Client } from "@upstash/qstash";

const SCHEDULE_ID = "ringback-sweep";
const CRON = "*/30 * * * *";

/** Makes QStash the sweep's second, beside the cron trigger. Made again, it is the same schedule. */
const publicUrl = required("RINGBACK_PUBLIC_URL").replace(/\/+$/, "");
const client = new Client({
  baseUrl: process.env["QSTASH_URL"] || "https://qstash.upstash.io",
  token: required("QSTASH_TOKEN"),
  devMode: false,
  enableTelemetry: false,
});
const { scheduleId } = await client.schedules.create({
  scheduleId: SCHEDULE_ID,
  destination: `${publicUrl}/internal/sweep`,
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ v: 1 }),
  cron: CRON,
  retries: 0,
});
console.log(`schedule ${scheduleId}: ${CRON} POST ${publicUrl}/internal/sweep`);

function required(name: string): string {
  const value = process.env[name];
  if (value) return value;
  console.error(`${name} is required`);
  return process.exit(1);
}
