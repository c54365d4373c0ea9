import type { Command } from "commander";
import { exitOf } from "../common/follow.ts";
import { print } from "../common/output.ts";
import type { Run } from "../common/run.ts";
import { openSession } from "../common/session.ts";
import { taskText } from "../common/task-text.ts";

/** `ringback get <task>` */
export function addGet(program: Command, run: Run): void {
  program
    .command("get")
    .description("show a task; the exit code is 1 when it did not succeed")
    .argument("<task>", "the task's id")
    .action(
      run(async (options, id = "") => {
        const { ringback, json } = openSession(options);
        const task = await ringback.tasks.get(id);
        print(json, task, () => taskText(task));
        return exitOf(task);
      }),
    );
}
