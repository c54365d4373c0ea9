import { Task } from "../../../tasks/schema.ts";
import { cancel } from "../../../tasks/steer/cancel-task.ts";
import { deleteTask } from "../../../tasks/steer/delete-task.ts";
import { replay } from "../../../tasks/steer/replay-task.ts";
import { IDEMPOTENCY_PROBLEMS, idempotencyIn, replayedHeader } from "../../pipeline/idempotency.ts";
import { type Route, route } from "../../pipeline/route.ts";
import { ABOUT_TASK, addressesOf, view, waiting } from "./task-answer.ts";

const cancelRoute = route({
  method: "POST",
  path: "/v1/tasks/:id/cancel",
  operation: "cancelTask",
  summary: "Cancel a task",
  description:
    "Takes effect at once, in every status: a running handler's signal aborts when its lease is next renewed, within 10 seconds, and its later outcome changes nothing. A task that is canceled already is answered as it is.",
  tag: "Tasks",
  access: "key",
  scope: "tasks:write",
  scopeCheckedBy: "script",
  params: { id: "task" },
  headers: ["Idempotency-Key"],
  answers: {
    200: { description: "Canceled, now or before: the task.", body: Task, headers: ["Idempotent-Replayed"] },
  },
  problems: ["task-already-ended", ...IDEMPOTENCY_PROBLEMS],
  async handle({ c, ctx, caller, params, reply }) {
    const canceled = await cancel(ctx, caller, params.id, await idempotencyIn(ctx, c));
    return reply(200, view(ctx, canceled), replayedHeader(canceled.replayed));
  },
});

const replayRoute = route({
  method: "POST",
  path: "/v1/tasks/:id/replay",
  operation: "replayTask",
  summary: "Run an ended task again",
  description:
    "The same input and options, a new deadline, `run` one higher; events of the new run have new ids, deliveries of the old run that are still on their way stay as they were.",
  tag: "Tasks",
  access: "key",
  scope: "tasks:write",
  scopeCheckedBy: "script",
  params: { id: "task" },
  headers: ["Idempotency-Key"],
  answers: {
    202: {
      description: "Accepted: the task with its new run.",
      body: Task,
      links: ABOUT_TASK,
      headers: ["Location", "Operation-Location", "Content-Location", "Retry-After", "Idempotent-Replayed"],
    },
  },
  problems: [
    "task-not-ended",
    "input-expired",
    "undecryptable",
    "task-history-full",
    "quota-exceeded",
    ...IDEMPOTENCY_PROBLEMS,
  ],
  async handle({ c, ctx, caller, params, reply }) {
    const replayed = await replay(ctx, caller, params.id, await idempotencyIn(ctx, c));
    return reply(202, view(ctx, replayed), {
      ...addressesOf(ctx, replayed),
      ...waiting(ctx, replayed),
      ...replayedHeader(replayed.replayed),
    });
  },
});

const eraseRoute = route({
  method: "DELETE",
  path: "/v1/tasks/:id",
  operation: "deleteTask",
  summary: "Erase an ended task",
  description:
    "With its input, results, timeline and deliveries; pending deliveries are never sent. From then on it is not found.",
  tag: "Tasks",
  access: "key",
  scope: "tasks:write",
  scopeCheckedBy: "script",
  params: { id: "task" },
  answers: { 204: { description: "Erased." } },
  problems: ["task-not-ended"],
  async handle({ ctx, caller, params, reply }) {
    await deleteTask(ctx, caller, params.id);
    return reply(204, null);
  },
});

export const steeringRoutes: readonly Route[] = [cancelRoute, replayRoute, eraseRoute];
