import type { HourFigures, ProjectFigures } from "../../../ports/stores/figures-store.ts";
import { system } from "../../../projects/principal.ts";
import { parseConfig } from "../../../projects/project-config.ts";
import { TERMINAL } from "../../../tasks/status.ts";
import type { Context } from "../context.ts";
import { keysOf } from "../keys.ts";
import { configOf } from "../projects/config.ts";
import { proofOf } from "../proof.ts";
import { named, type Runner, type ScriptReply, script } from "../script.ts";
import { HOURS } from "../tasks/list.ts";
import { READ } from "../tasks/read.ts";

/** The counters of some projects. */
export const FIGURES = script(
  "figures",
  `
-- KEYS
--   projects…      hashes of projects
-- ARGV
--   offset         ms added to Redis's clock
-- RETURNS
--   <now>, <figures>, …     per project: whether it is there, hour of its last task, open tasks, replays, dead
--                           deliveries, and per terminal status the tasks that have ended so
local args = named(ARGV)
local answer = {integer(clock(args.offset))}
local names = {'cfgv', 'hour', 'open', 'replays', 'dead', ${TERMINAL.map((status) => `'n:${status}'`).join(", ")}}
for i = 1, #KEYS do
  local project, figures = some(KEYS[i], names), {}
  for place, name in ipairs(names) do figures[place] = project[name] or '' end
  answer[#answer + 1] = figures
end
return answer
`,
);

/** How many members some sets have. */
export const SIZES = script(
  "sizes",
  `
-- KEYS
--   sets…          sorted sets
-- ARGV
--   (none)
-- RETURNS
--   <count>, …              one per set
local counts = {}
for i = 1, #KEYS do counts[i] = redis.call('ZCARD', KEYS[i]) end
return counts
`,
);

/** Projects, and sets, that one request asks for. */
const PROJECTS = 500;
const SETS = 1_000;

export async function readFigures(context: Context, projects: readonly string[]) {
  let now = 0;
  const figures: (ProjectFigures | undefined)[] = [];
  for (let from = 0; from < Math.max(1, projects.length); from += PROJECTS) {
    const keys = projects.slice(from, from + PROJECTS).map((project) => keysOf(project).project);
    const [time, ...rows] = await context.quick(FIGURES, keys, named({ offset: context.offset }));
    now = Number(time);
    figures.push(...rows.map(figuresIn));
  }
  return { now, projects: figures };
}

function figuresIn(row: ScriptReply): ProjectFigures | undefined {
  const [version, hour, open, replays, dead, ...ends] = (row as readonly string[]).map(String); // as the script makes it
  if (!version) return undefined;
  const ended = Object.fromEntries(TERMINAL.map((status, index) => [status, Number(ends[index] ?? 0)]));
  const sum = Object.values(ended).reduce((total, count) => total + count, 0);
  return {
    ...(hour && { lastHour: Number(hour) }),
    open: Number(open),
    // Each task that was accepted or replayed is open, or has ended once.
    accepted: Math.max(0, Number(open) + sum - Number(replays)),
    ended: ended as ProjectFigures["ended"], // of TERMINAL
    dead: Math.max(0, Number(dead)),
  };
}

/** A project whose hours are read; without dead letters its endpoints are not asked about. */
interface Counted {
  readonly project: string;
  readonly hasDeadLetters: boolean;
}

/** The tasks of the projects, hour by hour; three requests to Redis, or as many as fit. */
export async function readHours(
  context: Context,
  projects: readonly Counted[],
  { first, last }: { readonly first: number; readonly last: number },
): Promise<readonly HourFigures[]> {
  const busy = await busyHours(context, projects, first, last);
  const receivers = await receiversOf(
    context,
    projects.filter(({ hasDeadLetters }) => hasDeadLetters).map(({ project }) => project),
  );
  const figures = new Map<number, Record<keyof HourFigures, number>>();
  const sets = projects.flatMap(({ project }, index) => {
    const names = keysOf(project);
    const accepted = (busy[index] ?? []).flatMap((hour) => [
      { hour, of: "accepted" as const, key: names.index(hour) },
      ...ENDINGS.map((status) => ({ hour, of: status, key: names.ending(hour, status) })),
    ]);
    const dead = (receivers.get(project) ?? []).flatMap((endpoint) =>
      Array.from({ length: last - first + 1 }, (_, step) => ({
        hour: first + step,
        of: "dead" as const,
        key: names.deadLetters(endpoint, first + step),
      })),
    );
    return [...accepted, ...dead];
  });
  const sizes = await sizesOf(
    context,
    sets.map(({ key }) => key),
  );
  for (const [index, { hour, of }] of sets.entries()) {
    const known = figures.get(hour) ?? { hour, accepted: 0, failed: 0, canceled: 0, expired: 0, dead: 0 };
    known[of] += sizes[index] ?? 0;
    figures.set(hour, known);
  }
  return [...figures.values()];
}

/** The endings that have an index of their own. */
const ENDINGS = ["failed", "canceled", "expired"] as const;

/** The hours in which each project has accepted tasks. */
async function busyHours(context: Context, projects: readonly Counted[], first: number, last: number) {
  const args = named({ newest: last, oldest: first, most: last - first + 1 });
  const answers = await context.many(projects.map(({ project }) => [HOURS, [keysOf(project).hours], args]));
  return answers.map((hours) => hours.map(Number));
}

/** The receivers that may have dead letters: each endpoint of a project, and (undefined) its callbacks. */
async function receiversOf(context: Context, projects: readonly string[]) {
  const answers = await context.many(
    projects.map((project) => {
      const names = keysOf(project);
      const args = { offset: context.offset, ...proofOf(system(project)), scope: "admin", kinds: "s" };
      return [READ, [names.project, names.config], named(args)];
    }),
  );
  return new Map(
    projects.map((project, index) => {
      const { endpoints } = parseConfig(configOf(answers[index]?.[2]));
      return [project, [undefined, ...endpoints.map(({ id }) => id)]];
    }),
  );
}

async function sizesOf(context: Context, keys: readonly string[]): Promise<readonly number[]> {
  const calls: Parameters<Runner>[] = [];
  for (let from = 0; from < keys.length; from += SETS) calls.push([SIZES, keys.slice(from, from + SETS), []]);
  return (await context.many(calls)).flat().map(Number);
}
