import type { ProjectFigures } from "../ports/stores/figures-store.ts";
import { allProjects } from "../projects/manage-projects.ts";
import { TERMINAL } from "../tasks/status.ts";
import { type FigureParts, sumOf } from "./stats.ts";

/** Projects with a label of their own: those with the most tasks. The rest is one, `other`. */
const LABELED = 200;

/** Prometheus' text format, or OpenMetrics. */
export type MetricsFormat = "prometheus" | "openmetrics";

/** The figures that a scrape reads. */
export interface Scrape {
  readonly version: string;
  readonly projects: readonly { readonly label: string; readonly figures: Figures }[];
  /** Milliseconds. */
  readonly oldestWaiting?: number;
  readonly sweptAt?: number;
}

type Figures = Omit<ProjectFigures, "lastHour">;

/** Reads the figures of all projects. */
export async function scrape(deps: FigureParts): Promise<Scrape> {
  const projects: { readonly id: string; readonly name: string }[] = [];
  for await (const project of allProjects(deps)) projects.push(project);
  const [read, oldestAt, sweep] = await Promise.all([
    deps.store.readFigures(projects.map(({ id }) => id)),
    deps.store.oldestWaiting(),
    deps.store.ping(),
  ]);
  const known = projects.flatMap(({ name }, index) => {
    const figures = read.projects[index];
    return figures ? [{ label: name, figures }] : [];
  });
  return {
    version: deps.settings.version,
    projects: withOther(known),
    oldestWaiting: oldestAt === undefined ? 0 : Math.max(0, read.now - oldestAt),
    ...(sweep.sweptAt !== undefined && { sweptAt: sweep.sweptAt }),
  };
}

function withOther(known: Scrape["projects"]): Scrape["projects"] {
  const sorted = known.toSorted((a, b) => b.figures.accepted - a.figures.accepted);
  const rest = sorted.slice(LABELED).map(({ figures }) => figures);
  return [
    ...sorted.slice(0, LABELED),
    ...(rest.length > 0 ? [{ label: "other", figures: sumOf(rest) }] : []),
  ];
}

interface Family {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly unit?: "seconds";
  readonly help: string;
  readonly samples: readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];
}

/** The figures as text: Prometheus 0.0.4 or OpenMetrics 1.0; both end with `# EOF`. */
export function metricsText(scraped: Scrape, format: MetricsFormat): string {
  const lines = familiesOf(scraped).flatMap((family) => linesOf(family, format));
  return [...lines, "# EOF", ""].join("\n");
}

function familiesOf({ version, projects, oldestWaiting = 0, sweptAt }: Scrape): readonly Family[] {
  const perProject = (of: (figures: Figures) => number): Family["samples"] =>
    projects.map(({ label, figures }) => [{ project: label }, of(figures)]);
  return [
    {
      name: "ringback_tasks_open",
      type: "gauge",
      help: "Tasks that have not ended.",
      samples: perProject(({ open }) => open),
    },
    {
      name: "ringback_tasks_total",
      type: "counter",
      help: "Tasks since the project began, accepted and by the status in which they ended.",
      samples: projects.flatMap(({ label, figures }) => [
        [{ project: label, status: "accepted" }, figures.accepted] as const,
        ...TERMINAL.map((status) => [{ project: label, status }, figures.ended[status]] as const),
      ]),
    },
    {
      name: "ringback_deliveries_dead",
      type: "gauge",
      help: "Deliveries that have died and were not sent again.",
      samples: perProject(({ dead }) => dead),
    },
    {
      name: "ringback_oldest_waiting_seconds",
      type: "gauge",
      unit: "seconds",
      help: "How long the oldest task has waited that should have started, as the last sweep saw it.",
      samples: [[{}, oldestWaiting / 1_000]],
    },
    {
      name: "ringback_last_sweep_timestamp_seconds",
      type: "gauge",
      unit: "seconds",
      help: "When the last sweep was done, Unix time.",
      samples: sweptAt === undefined ? [] : [[{}, sweptAt / 1_000]],
    },
    {
      name: "ringback_build_info",
      type: "gauge",
      help: "The version of the gateway.",
      samples: [[{ version }, 1]],
    },
  ];
}

function linesOf({ name, type, unit, help, samples }: Family, format: MetricsFormat): readonly string[] {
  // OpenMetrics names a counter without the `_total` of its samples.
  const isOpen = format === "openmetrics";
  const family = isOpen && type === "counter" ? name.replace(/_total$/, "") : name;
  return [
    `# HELP ${family} ${help}`,
    `# TYPE ${family} ${type}`,
    ...(isOpen && unit ? [`# UNIT ${family} ${unit}`] : []),
    ...samples.map(([labels, value]) => `${name}${labelsOf(labels)} ${value}`),
  ];
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
}

/** Line feeds, quotes and backslashes of a name that its maker chose. */
function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
