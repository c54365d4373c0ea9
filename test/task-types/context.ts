import * as z from "zod/v4/core";
import type { AnyTask, TaskContext } from "../../src/task.ts";
import { TaskError } from "../../src/task.ts";
import { fetcher } from "../egress/local-server.ts";

interface Overrides {
  readonly signal?: AbortSignal;
  readonly attempt?: number;
  readonly progress?: TaskContext<unknown>["progress"];
}

/** Checks an input and runs a task type's handler on it, as the gateway does; `fetch` is the guarded one. */
export async function run(definition: AnyTask, input: unknown, overrides: Overrides = {}): Promise<unknown> {
  const signal = overrides.signal ?? new AbortController().signal;
  return await definition.handler({
    input: z.parse(definition.input, input),
    signal,
    attempt: overrides.attempt ?? 1,
    idempotencyKey: "task_1.1",
    task: {
      id: "task_01",
      type: definition.type,
      run: 1,
      project: "prj_1",
      createdAt: new Date(0),
      deadlineAt: new Date(0),
      metadata: {},
    },
    token: "rbt_test",
    completionUrl: "https://ringback.example.com/v1/complete/rbt_test",
    progress: overrides.progress ?? (() => undefined),
    fetch: (url, init) =>
      fetcher.fetch(String(url), {
        ...(init?.method !== undefined && { method: init.method }),
        ...(init?.headers !== undefined && { headers: init.headers }),
        ...(init?.signal && { signal: init.signal }),
        redirect: "follow",
      }),
  });
}

/** Whether an input passes the schema, and the messages when it does not. */
export function faults(definition: AnyTask, input: unknown): readonly string[] {
  const parsed = z.safeParse(definition.input, input);
  return parsed.success ? [] : parsed.error.issues.map((issue) => issue.path.join("/"));
}

/** The TaskError that a run ends in; anything else fails the test. */
export async function taskError(work: Promise<unknown>): Promise<TaskError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TaskError)) throw new Error("no TaskError", { cause: error });
  return error;
}
