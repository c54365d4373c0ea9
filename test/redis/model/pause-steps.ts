import type { Answer, Of } from "./operations.ts";
import type { Model } from "./state.ts";

const GRACE = 30_000;

/** Lets parked tasks start, in order, unless the project is paused still. */
export function unpark(model: Model, op: Of<"unpark">): Answer {
  return op.tasks.flatMap(({ task: id }) => {
    const task = model.tasks.get(id);
    const isHeld = task?.status === "queued" && task.parked;
    if (isHeld && model.config.paused) return ["paused"];
    model.listed.delete(id);
    if (!task || !isHeld) return ["none"];
    Object.assign(task, { parked: false, sweeps: undefined });
    task.due = Math.min(model.now + GRACE, task.deadlineAt);
    return ["run", task.run, task.attempt + 1];
  });
}
