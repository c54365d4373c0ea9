import type { Command } from "commander";
import { CALL } from "../common/call.ts";
import { UsageError } from "../common/failure.ts";
import { exitOf, follow } from "../common/follow.ts";
import { readJson } from "../common/json.ts";
import { print } from "../common/output.ts";
import type { Run } from "../common/run.ts";
import { openSession } from "../common/session.ts";
import { taskText } from "../common/task-text.ts";

interface SubmitOptions {
  readonly callback?: string;
  readonly delay?: string;
  readonly idempotencyKey?: string;
  readonly wait?: true;
}

/** `ringback submit <type> [json | @file | -]` */
export function addSubmit(program: Command, run: Run): void {
  program
    .command("submit")
    .description("submit a task")
    .argument("<type>", "the task type")
    .argument("[input]", "the input: JSON, @file, or - for the standard input", "{}")
    .option("--callback <url>", "call this address when the task has ended")
    .option("--delay <duration>", "start no earlier than so long from now, such as 10m")
    .option("--idempotency-key <key>", "repeated with the same key, it is one task")
    .option("--wait", "wait until the task has ended")
    .action(
      run<SubmitOptions>(async (options, type, input = "{}") => {
        const { callback, delay, idempotencyKey } = options;
        if (idempotencyKey !== undefined && !/^[ -~]+$/.test(idempotencyKey))
          throw new UsageError("--idempotency-key must be printable ASCII");
        const { ringback, json } = openSession(options);
        const task = await ringback.tasks.submit(type ?? "", await readJson(input), {
          ...(callback !== undefined && { callbackUrl: callback }),
          ...(delay !== undefined && { delay }),
          idempotencyKey,
        });
        const last = options.wait
          ? await follow(ringback, task.id, json ? () => undefined : undefined)
          : task;
        const next = last.done ? "" : `\n\n${CALL} watch ${task.id}`;
        print(json, last, () => taskText(last) + next);
        return options.wait ? exitOf(last) : 0;
      }),
    );
}
