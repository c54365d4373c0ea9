import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { metricsText, type Scrape } from "../../src/figures/metrics.ts";
import { root } from "../support/process.ts";

const read = (name: string) => readFile(join(root, "docs/operations", name), "utf8");
const ended = { succeeded: 3, failed: 2, canceled: 1, expired: 0 };
const scraped: Scrape = {
  version: "0.1.0",
  projects: [{ label: 'a "b" \\ c\nd', figures: { open: 1, accepted: 7, ended, dead: 4 } }],
  oldestWaiting: 1_500,
  sweptAt: 1_795_000_000_250,
};

/** The names of the metrics in a text, and in an expression. */
const metrics = (text: string) => new Set(text.match(/\bringback_[a-z_]+/g));
const offered = metrics(metricsText(scraped, "prometheus"));

describe("the metrics", () => {
  test("are those of the text format, names of projects escaped", () => {
    expect(metricsText(scraped, "prometheus")).toBe(
      [
        "# HELP ringback_tasks_open Tasks that have not ended.",
        "# TYPE ringback_tasks_open gauge",
        'ringback_tasks_open{project="a \\"b\\" \\\\ c\\nd"} 1',
        "# HELP ringback_tasks_total Tasks since the project began, accepted and by the status in which they ended.",
        "# TYPE ringback_tasks_total counter",
        ...Object.entries({ accepted: 7, ...ended }).map(
          ([status, count]) =>
            `ringback_tasks_total{project="a \\"b\\" \\\\ c\\nd",status="${status}"} ${count}`,
        ),
        "# HELP ringback_deliveries_dead Deliveries that have died and were not sent again.",
        "# TYPE ringback_deliveries_dead gauge",
        'ringback_deliveries_dead{project="a \\"b\\" \\\\ c\\nd"} 4',
        "# HELP ringback_oldest_waiting_seconds How long the oldest task has waited that should have started, as the last sweep saw it.",
        "# TYPE ringback_oldest_waiting_seconds gauge",
        "ringback_oldest_waiting_seconds 1.5",
        "# HELP ringback_last_sweep_timestamp_seconds When the last sweep was done, Unix time.",
        "# TYPE ringback_last_sweep_timestamp_seconds gauge",
        "ringback_last_sweep_timestamp_seconds 1795000000.25",
        "# HELP ringback_build_info The version of the gateway.",
        "# TYPE ringback_build_info gauge",
        'ringback_build_info{version="0.1.0"} 1',
        "# EOF",
        "",
      ].join("\n"),
    );
  });

  test("are named by OpenMetrics as it wants counters and units", () => {
    const text = metricsText(scraped, "openmetrics");
    expect(text).toContain("# TYPE ringback_tasks counter\n");
    expect(text).toContain("# UNIT ringback_oldest_waiting_seconds seconds\n");
    expect(text.endsWith("# EOF\n")).toBe(true);
  });
});

describe("the alert rules and the dashboard", () => {
  test("use metrics that exist", async () => {
    const rules = await read("alerts.rules.yml");
    for (const text of [rules, await read("grafana-dashboard.json")]) {
      expect(metrics(text).size).toBeGreaterThan(3);
      expect([...metrics(text)].filter((name) => !offered.has(name))).toEqual([]);
    }
  });

  test("are explained: each alert has a row, each runbook exists", async () => {
    const [rules, page] = [await read("alerts.rules.yml"), await read("alerts.md")];
    const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name ?? "");
    expect(alerts.length).toBeGreaterThan(4);
    expect(alerts.filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
    for (const [, path = ""] of rules.matchAll(/runbook: ([^#\n]+)/g)) {
      expect((await readFile(join(root, path), "utf8")).length).toBeGreaterThan(0);
    }
  });

  test("the dashboard is one that Grafana can load: panels with places and queries", async () => {
    const target = z.looseObject({ expr: z.string().min(1), refId: z.string() });
    const panel = z.looseObject({
      id: z.int(),
      title: z.string(),
      type: z.enum(["stat", "timeseries", "table"]),
      gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
      targets: z.array(target).min(1),
    });
    const { panels } = z
      .looseObject({ schemaVersion: z.int(), uid: z.string(), panels: z.array(panel) })
      .parse(JSON.parse(await read("grafana-dashboard.json")));
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });
});
