import type { QueueMessage } from "../ports/queue.ts";
import type { PauseStore } from "../ports/stores/pause-store.ts";
import { PARKED_PAGE } from "../shared/limits.ts";
import { type FlowParts, runMessage } from "./flow-control.ts";
import { type PublishParts, publishAll } from "./publish.ts";

/** The parts that starting parked tasks uses. */
export type ResumeParts = FlowParts & PublishParts & { readonly store: PauseStore };

/** Steps of one invocation; the sweep continues. */
const STEPS = 10;

/** All ids of tasks come before it; a type that begins with this one's name and a bar does not lie in between. */
const AFTER_IDS = "task_~";

/**
 * Starts the tasks of a project that a pause has held, 100 per step, and passes over types that are still paused. Each
 * is due before its message is published, so a lost one is published by the sweep.
 */
export async function startParked(
  deps: ResumeParts,
  project: string,
  isTime: () => boolean = () => true,
): Promise<void> {
  let after = "";
  for (let step = 0; step < STEPS; step++) {
    if (!isTime()) return;
    const tasks = await deps.store.parkedTasks(project, after);
    const answers = await deps.store.unpark(project, tasks);
    const messages: QueueMessage[] = [];
    for (const [index, answer] of answers.entries()) {
      const { task: id, type } = tasks[index] ?? { task: "", type: "" };
      if (answer.kind !== "run") continue;
      const { run, attempt, options } = answer;
      messages.push(await runMessage(deps, { project, id, type, run, options }, attempt, 0));
    }
    await publishAll(deps, messages);
    if (tasks.length < PARKED_PAGE) return await deps.store.resumed(project, false);
    const last = tasks.at(-1);
    // A type that is paused still is passed over as a whole.
    const skips = answers.at(-1)?.kind === "paused";
    after = skips ? `${last?.type ?? ""}|${AFTER_IDS}` : (last?.member ?? "");
  }
  await deps.store.resumed(project, true);
}
