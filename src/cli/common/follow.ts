import type { Ringback, Task, TaskEvent } from "../../client/index.ts";
import { createBar } from "./bar.ts";
import { EXIT } from "./failure.ts";
import { progressText } from "./task-text.ts";

/**
 * Waits for the end of a task, with a progress bar.
 *
 * @param onEvent is told every event; unless given, the changes are written above the bar
 */
export async function follow(
  ringback: Ringback,
  id: string,
  onEvent?: (event: TaskEvent) => void,
): Promise<Task> {
  const bar = createBar();
  try {
    return await ringback.tasks.wait(id, {
      onEvent: (event) => {
        const { type, at, percent, message, cause } = event;
        if (onEvent) onEvent(event);
        else if (type !== "task.progress") bar.say(`${at} ${type}${cause ? ` (${cause})` : ""}`);
        if (onEvent) return;
        if (type === "task.progress")
          bar.show(percent, percent === undefined ? progressText(event) : (message ?? ""));
        if (type === "task.succeeded") bar.show(100, "");
      },
    });
  } finally {
    bar.end();
  }
}

/** A task that ended otherwise than well is a failure of the command that followed it. */
export function exitOf({ done, status }: Task): number {
  return done && status !== "succeeded" ? EXIT.failed : EXIT.ok;
}
