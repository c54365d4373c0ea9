import type { Answers } from "./answers.ts";

/** The compatibility that the gateway is tested with. */
export const COMPATIBILITY = {
  date: "2026-11-01",
  flags: ["global_fetch_strictly_public", "enable_request_signal"],
} as const;

/** Values that only a deployment has, and nobody else may read. */
const SECRETS = [
  "UPSTASH_REDIS_REST_TOKEN",
  "QSTASH_TOKEN",
  "QSTASH_CURRENT_SIGNING_KEY",
  "QSTASH_NEXT_SIGNING_KEY",
  "RINGBACK_MASTER_SECRET",
  "RINGBACK_ADMIN_TOKEN",
];

/** The configuration of a Worker that is a gateway: https://developers.cloudflare.com/workers/wrangler/configuration/ */
export function wranglerToml({ name, region, domain }: Answers): string {
  const publicUrl = `https://${domain ?? `${name}.YOUR-SUBDOMAIN.workers.dev`}`;
  return `name = "${name}"
main = "src/worker.ts"
compatibility_date = "${COMPATIBILITY.date}"
# fetch() to a host of yours goes out and comes in again like everybody else's, never past the front door.
# A request's signal aborts when its client goes away: nobody waits for a task then.
compatibility_flags = [${COMPATIBILITY.flags.map((flag) => `"${flag}"`).join(", ")}]
${domainPart(domain)}
# The pages of /docs and /console. The Worker answers first, so that they carry the same headers as every answer.
[assets]
directory = "node_modules/ringback/dist/assets"
binding = "ASSETS"
run_worker_first = true

# The sweep: it repeats lost messages, and ends what has run out.
[triggers]
crons = ["* * * * *"]

# The Worker runs near its Redis: a request to the gateway makes several to Redis.
[placement]
region = "${region}"

[observability]
enabled = true

# The Free plan refuses a Worker that sets limits. On the paid plan this lets a handler compute for up to 5 minutes;
# without it the limit is 30 seconds of CPU time.
# [limits]
# cpu_ms = 300_000

# \`wrangler deploy\` fails while one of them is missing. Set each with \`npx wrangler secret put NAME\`.
[secrets]
required = [
${SECRETS.map((secret) => `  "${secret}",`).join("\n")}
]

[vars]
# Copy both from the Upstash console, of the same region.
UPSTASH_REDIS_REST_URL = "https://YOUR-DATABASE.upstash.io"
QSTASH_URL = "https://qstash.upstash.io"
# The address at which clients and QStash reach the gateway.
RINGBACK_PUBLIC_URL = "${publicUrl}"
# Settings of your own task types go here too; .dev.vars has priority on your machine.
# Optional settings, with their defaults:
# RINGBACK_RESULT_TTL = "7d"
# RINGBACK_RATE_LIMIT = "100"
# RINGBACK_RETRY_SCHEDULE = "5s,30s,2m,15m,1h,4h,10h,24h"
`;
}

function domainPart(domain: string | undefined): string {
  if (domain !== undefined) {
    return `# One address: callers of the workers.dev address would go past the rules of your domain.
workers_dev = false
routes = [{ pattern = "${domain}", custom_domain = true }]
`;
  }
  return `workers_dev = true
# With a custom domain, the workers.dev address goes:
# workers_dev = false
# routes = [{ pattern = "ringback.example.com", custom_domain = true }]
`;
}
