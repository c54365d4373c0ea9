import { accepts } from "hono/accepts";
import * as z from "zod/mini";
import { type MetricsFormat, metricsText, type Scrape, scrape } from "../../figures/metrics.ts";
import { Stats } from "../../figures/schema.ts";
import { readStats } from "../../figures/stats.ts";
import type { RequestContext } from "../../ports/dependencies.ts";
import { field } from "../../shared/schema/schema.ts";
import { duration } from "../../shared/schema/schema-fields.ts";
import { type Route, route } from "../pipeline/route.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** As long as the indexes of the hours are kept. */
const LONGEST = 62 * DAY;

const stats = route({
  method: "GET",
  path: "/v1/stats",
  operation: "getStats",
  summary: "Read the figures of the project",
  description:
    "Open and ended tasks, and a series over time. The admin token reads those of one project (`Ringback-Project`), or of all: then the series has the 200 projects that accepted a task last. Nothing is counted for the figures while tasks run: each request counts, so ask once in a while, not in a loop.",
  tag: "Operations",
  access: "key",
  scope: "tasks:read",
  query: z.strictObject({
    since: field(z._default(duration(1_000, LONGEST), DAY), "How far back the series goes, `62d` at most."),
    step: field(
      z._default(
        z.pipe(
          z.enum(["1h", "1d"]),
          z.transform((step: "1h" | "1d") => (step === "1h" ? HOUR : DAY)),
        ),
        HOUR,
      ),
      "The length of its steps; hours and days of UTC.",
    ),
  }),
  answers: { 200: { description: "The figures.", body: Stats } },
  walks: () => true,
  handle: async ({ ctx, caller, query, reply }) => reply(200, await readStats(ctx, query, caller.project)),
  handleEveryProject: async ({ ctx, query, reply }) => reply(200, await readStats(ctx, query)),
});

/** How long a scrape is answered from memory, milliseconds. */
const CACHED = 15_000;

const TYPES: Readonly<Record<MetricsFormat, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** The figures for Prometheus. */
export function figureRoutes(): readonly Route[] {
  const read = cachedScrape();
  const metrics = route({
    method: "GET",
    path: "/metrics",
    operation: "getMetrics",
    summary: "Read the figures as Prometheus metrics",
    description:
      "Prometheus' text format 0.0.4, or OpenMetrics where `Accept` asks for it. The answer may be 15 seconds old. At most 200 projects have a label of their own, those with the most tasks; the rest is `other`.",
    tag: "Operations",
    access: "metrics",
    headers: ["Accept"],
    answers: { 200: { description: "The metrics.", media: "text/plain", headers: ["Vary"] } },
    async handle({ c, ctx, send }) {
      const type = accepts(c, {
        header: "Accept",
        supports: ["text/plain", "application/openmetrics-text"],
        default: "text/plain",
      });
      const format = type === "application/openmetrics-text" ? "openmetrics" : "prometheus";
      return send(c.body(metricsText(await read(ctx), format), 200, { "Content-Type": TYPES[format] }));
    },
  });
  return [stats, metrics];
}

/** Keeps what was read; a request never waits for the reading of another, which Workers do not allow. */
function cachedScrape(): (ctx: RequestContext) => Promise<Scrape> {
  let last: { readonly at: number; readonly scraped: Scrape } | undefined;
  return async (ctx) => {
    if (last && ctx.clock() - last.at < CACHED) return last.scraped;
    const scraped = await scrape(ctx);
    last = { at: ctx.clock(), scraped };
    return scraped;
  };
}
