import * as z from "zod/mini";
import { readConfiguration } from "../../projects/configure.ts";
import { isPaused } from "../../projects/project-config.ts";
import { DEFAULT_RETRIES, DEFAULT_TIMEOUT } from "../../shared/limits.ts";
import { component, count, field, type Infer, opt, positive } from "../../shared/schema/schema.ts";
import { spellDuration } from "../../shared/time/duration.ts";
import type { AnyTask } from "../../task.ts";
import { taskSchemaOf } from "../openapi/schemas.ts";
import { type Route, route } from "../pipeline/route.ts";

const jsonSchema = z.record(z.string(), z.unknown());

const ECHO = {
  type: "diagnostics.echo",
  summary: "Returns its input.",
  input: {},
  timeout: "1m",
  retries: 3,
  start: "queue",
  paused: false,
} as const;

export const TaskType = component(
  "TaskType",
  () =>
    z.object({
      type: field(z.string(), "The `type` of a submit.", "links.check"),
      summary: field(opt(z.string()), "One sentence about it.", "Checks that web addresses answer."),
      input: field(jsonSchema, "JSON Schema (2020-12) of its input."),
      result: field(opt(jsonSchema), "JSON Schema of its result, where the type declares one."),
      timeout: field(z.string(), "For one attempt, unless the task says otherwise.", "60s"),
      retries: field(count, "Attempts after the first, unless the task says otherwise.", 3),
      start: field(
        z.enum(["queue", "immediate"]),
        "How the first attempt begins: by a message of the queue, or right after the 202.",
      ),
      concurrency: field(opt(positive), "Attempts that run at a time, over all projects."),
      rate: field(
        opt(
          z.object({
            limit: field(positive, "Attempts that begin within the period."),
            period: field(z.string(), "The period.", "1s"),
          }),
        ),
        "Attempts begun within a period, over all projects.",
      ),
      paused: field(z.boolean(), "Whether no attempt of it begins in this project now."),
    }),
  {
    description: "A task type that this deployment offers.",
    example: ECHO,
  },
);
export type TaskType = Infer<typeof TaskType>;

const TaskTypes = component(
  "TaskTypes",
  () => z.object({ data: field(z.array(TaskType), "Every type, in the deployment's order.") }),
  {
    description: "The task types that this deployment offers.",
    example: { data: [ECHO] },
  },
);

const list = route({
  method: "GET",
  path: "/v1/task-types",
  operation: "listTaskTypes",
  summary: "List the task types",
  description: "With the JSON Schemas of their inputs and results, and their limits.",
  tag: "Tasks",
  access: "key",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  headers: ["If-None-Match"],
  answers: {
    200: { description: "The types.", body: TaskTypes, headers: ["ETag"] },
    304: { description: "Nothing has changed since the `ETag` that was sent.", headers: ["ETag"] },
  },
  cache: "revalidate",
  async handle({ ctx, caller, reply }) {
    const { config } = await readConfiguration(ctx, caller, "tasks:read");
    const data = [...ctx.tasks.values()].map((one) => taskTypeView(one, isPaused(config, one.type)));
    return reply(200, { data });
  },
  handleEveryProject: ({ ctx, reply }) =>
    reply(200, { data: [...ctx.tasks.values()].map((definition) => taskTypeView(definition)) }),
});

/** A task type as clients read it. @param paused whether its tasks are held in the caller's project */
function taskTypeView(definition: AnyTask, paused = false): TaskType {
  const { type, summary, input, result, concurrency, rate } = definition;
  return {
    type,
    ...(summary !== undefined && { summary }),
    input: taskSchemaOf(input),
    ...(result && { result: taskSchemaOf(result) }),
    timeout: spellDuration(definition.timeout ?? DEFAULT_TIMEOUT),
    retries: definition.retries ?? DEFAULT_RETRIES,
    start: definition.start ?? "queue",
    ...(concurrency !== undefined && { concurrency }),
    ...(rate && { rate: { limit: rate.limit, period: spellDuration(rate.period ?? 1_000) } }),
    paused,
  };
}

export const taskTypeRoutes: readonly Route[] = [list];
