import { StoreUnavailable } from "../ports/errors.ts";
import type { ProjectStore } from "../ports/stores/project-store.ts";
import type { NewestTaskStore } from "../ports/stores/task-store.ts";
import type { TaskRecord } from "../tasks/record.ts";

/** The parts that the run times are read with. */
export interface RunTimeParts {
  readonly store: Pick<ProjectStore, "listProjects"> & NewestTaskStore;
}

/** How many projects are looked at, and tasks of each: a project is three requests, and a Worker may make 50. */
const PROJECTS = 2;
const TASKS = 20;

/** In words, how long the attempts of the newest tasks took: each holds a call of the queue meanwhile. */
export async function runTimes({ store }: RunTimeParts): Promise<string> {
  try {
    const { data } = await store.listProjects();
    const tasks = await Promise.all(data.slice(0, PROJECTS).map(({ id }) => store.newestTasks(id, TASKS)));
    const times = tasks
      .flat()
      .flatMap(attemptTimes)
      .toSorted((one, other) => one - other);
    const [median, longest] = [times[Math.floor((times.length - 1) / 2)], times.at(-1)];
    if (median === undefined || longest === undefined) return "No attempt of the newest tasks has ended yet.";
    return `The ${times.length} attempts of the newest tasks took ${spell(median)} in the median, ${spell(longest)} at most.`;
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    return "How long attempts took could not be read.";
  }
}

/** How long each attempt held its call: from its start to what happened next. */
export function attemptTimes({ timeline }: Pick<TaskRecord, "timeline">): readonly number[] {
  return timeline.flatMap((entry, index) => {
    const next = timeline[index + 1];
    return entry.type === "task.started" && next ? [next.at - entry.at] : [];
  });
}

function spell(milliseconds: number): string {
  return milliseconds < 1_000 ? `${milliseconds} ms` : `${(milliseconds / 1_000).toFixed(1)} s`;
}
