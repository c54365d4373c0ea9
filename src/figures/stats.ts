import type { Dependencies } from "../ports/dependencies.ts";
import type { FiguresStore, HourFigures, OpenTask, ProjectFigures } from "../ports/stores/figures-store.ts";
import type { PingStore } from "../ports/stores/operation-store.ts";
import type { ProjectStore } from "../ports/stores/project-store.ts";
import { allProjects } from "../projects/manage-projects.ts";
import { partitionOf } from "../shared/id.ts";
import { ApiError } from "../shared/problems.ts";
import { TERMINAL, type TerminalStatus, visibleStatus } from "../tasks/status.ts";
import { timestamp } from "../tasks/view.ts";
import type { Stats } from "./schema.ts";

/** The parts that the figures use. */
export type FigureParts = Pick<Dependencies, "settings"> & {
  readonly store: FiguresStore & PingStore & Pick<ProjectStore, "listProjects">;
};

/** The period of a series, and the length of its steps; milliseconds. */
export interface Span {
  readonly since: number;
  readonly step: number;
}

const HOUR = 3_600_000;

/** Projects whose hours make up the series over all: those that accepted a task last. */
export const SERIES_PROJECTS = 200;

/** The open tasks that are looked at. */
const SAMPLE = 1_000;

type Endings = Readonly<Record<TerminalStatus, number>>;
type Split = Pick<Stats["tasks"], "scheduled" | "queued" | "running" | "waiting">;

/**
 * The figures of a project, or of all. Nothing is counted for them while tasks run: the split is counted now, over the
 * open tasks; the series comes from the indexes of the hours.
 *
 * @throws ApiError `not-found`
 */
export async function readStats(deps: FigureParts, span: Span, project?: string): Promise<Stats> {
  const ids = project === undefined ? await everyId(deps) : [project];
  const [{ now, projects }, open, oldest, sweep] = await Promise.all([
    deps.store.readFigures(ids),
    openTasks(deps, project),
    deps.store.oldestWaiting(project),
    deps.store.ping(),
  ]);
  if (project !== undefined && !projects[0]) {
    throw new ApiError("not-found", `There is no project "${project}".`);
  }
  const known = ids.flatMap((id, index) => {
    const figures = projects[index];
    return figures ? [{ id, figures }] : [];
  });
  const totals = sumOf(known.map(({ figures }) => figures));
  const count = open.complete ? open.tasks.length : Math.max(totals.open, open.tasks.length);
  const factor = open.tasks.length === 0 ? 0 : count / open.tasks.length;
  const steps = stepsOf(now, span);
  const hours = await hoursOf(deps, known, steps, now);
  return {
    now: timestamp(now),
    tasks: { open: count, ...splitOf(open.tasks, now, count), exact: open.complete },
    ...(oldest !== undefined && { oldestWaitingAt: timestamp(oldest) }),
    totals: { accepted: totals.accepted, ...totals.ended },
    deliveries: { dead: totals.dead },
    series: seriesOf(steps, span.step, hours, open.tasks, factor),
    ...(sweep.sweptAt !== undefined && { lastSweepAt: timestamp(sweep.sweptAt) }),
  };
}

async function everyId(deps: FigureParts): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { id } of allProjects(deps)) ids.push(id);
  return ids;
}

async function openTasks(deps: FigureParts, project: string | undefined) {
  if (project !== undefined) return await deps.store.openTasks(partitionOf(project), project);
  const tasks: OpenTask[] = [];
  let complete = true;
  for (let partition = 0; partition < deps.settings.partitions; partition++) {
    if (tasks.length >= SAMPLE) return { tasks, complete: false };
    const found = await deps.store.openTasks(partition);
    tasks.push(...found.tasks);
    complete &&= found.complete;
  }
  return { tasks, complete };
}

/** The sum of the figures of some projects. */
export function sumOf(projects: readonly ProjectFigures[]) {
  const sum = (of: (figures: ProjectFigures) => number) =>
    projects.reduce((total, figures) => total + of(figures), 0);
  const ended = Object.fromEntries(TERMINAL.map((status) => [status, sum((one) => one.ended[status])]));
  return {
    open: sum(({ open }) => open),
    accepted: sum(({ accepted }) => accepted),
    ended: ended as Endings, // of TERMINAL
    dead: sum(({ dead }) => dead),
  };
}

/** How many of the open tasks have each status: counted, or in the proportions of the sample. */
function splitOf(tasks: readonly OpenTask[], now: number, count: number): Split {
  const split = { scheduled: 0, queued: 0, running: 0, waiting: 0 };
  for (const { status, attempt, startsAt } of tasks) {
    const visible = visibleStatus(status, attempt, startsAt, now);
    if (visible in split) split[visible as keyof Split] += 1;
  }
  if (tasks.length === count) return split;
  // None was found among those that were looked at: they are taken for queued.
  if (tasks.length === 0) return { ...split, queued: count };
  const scaled = (part: number) => Math.floor((part * count) / tasks.length);
  const scheduled = scaled(split.scheduled);
  const running = scaled(split.running);
  const waiting = scaled(split.waiting);
  return { scheduled, queued: count - scheduled - running - waiting, running, waiting };
}

/** The beginnings of the steps that end after `now - since`, in milliseconds; the present one is the last. */
function stepsOf(now: number, { since, step }: Span): readonly number[] {
  const last = Math.floor(now / step);
  const first = Math.min(last, Math.floor((now - since) / step) + 1);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

async function hoursOf(
  { store }: FigureParts,
  known: readonly { readonly id: string; readonly figures: ProjectFigures }[],
  steps: readonly number[],
  now: number,
): Promise<readonly HourFigures[]> {
  const first = (steps[0] ?? 0) / HOUR;
  const lastHour = ({ figures }: (typeof known)[number]) => figures.lastHour ?? 0;
  const busy = known
    .filter((one) => lastHour(one) >= first || one.figures.dead > 0)
    .sort((a, b) => lastHour(b) - lastHour(a))
    .slice(0, SERIES_PROJECTS)
    .map(({ id, figures }) => ({ project: id, hasDeadLetters: figures.dead > 0 }));
  if (busy.length === 0) return [];
  return await store.readHours(busy, { first, last: Math.floor(now / HOUR) });
}

/** One entry per step, also where nothing happened. A task that is open has no index but that of its hour. */
function seriesOf(
  steps: readonly number[],
  step: number,
  hours: readonly HourFigures[],
  open: readonly OpenTask[],
  factor: number,
): Stats["series"] {
  return steps.map((at) => {
    const within = (time: number) => time >= at && time < at + step;
    const inStep = hours.filter(({ hour }) => within(hour * HOUR));
    const sum = (of: Exclude<keyof HourFigures, "hour">) =>
      inStep.reduce((total, figures) => total + figures[of], 0);
    const ended = { failed: sum("failed"), canceled: sum("canceled"), expired: sum("expired") };
    const accepted = sum("accepted");
    const pending = Math.round(open.filter(({ createdAt }) => within(createdAt)).length * factor);
    const succeeded = Math.max(0, accepted - ended.failed - ended.canceled - ended.expired - pending);
    return { at: timestamp(at), accepted, succeeded, ...ended, dead: sum("dead") };
  });
}
