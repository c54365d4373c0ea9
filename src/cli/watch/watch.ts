import type { Command } from "commander";
import { exitOf, follow } from "../common/follow.ts";
import { print, write } from "../common/output.ts";
import type { Run } from "../common/run.ts";
import { openSession } from "../common/session.ts";
import { taskText } from "../common/task-text.ts";

/** `ringback watch <task>` */
export function addWatch(program: Command, run: Run): void {
  program
    .command("watch")
    .description(
      "follow a task to its end, with its progress; --json writes a line per event, and the task last",
    )
    .argument("<task>", "the task's id")
    .action(
      run(async (options, id = "") => {
        const { ringback, json } = openSession(options);
        const task = await follow(ringback, id, json ? (event) => write(JSON.stringify(event)) : undefined);
        print(json, task, () => taskText(task));
        return exitOf(task);
      }),
    );
}
