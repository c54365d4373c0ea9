import { cancel } from "../../tasks/steer/cancel-task.ts";
import { deleteTask } from "../../tasks/steer/delete-task.ts";
import { replay } from "../../tasks/steer/replay-task.ts";
import { IDEMPOTENCY_PROBLEMS, idempotencyIn, replayedHeader } from "../pipeline/idempotency.ts";
import { answer } from "../pipeline/respond.ts";
import { type Route, route } from "../pipeline/route.ts";
import { view, waiting } from "./tasks.ts";

const cancelRoute = route({
  method: "POST",
  path: "/v1/tasks/:id/cancel",
  operation: "cancelTask",
  summary: "Cancel a task",
  tag: "Tasks",
  access: "key",
  scope: "tasks:write",
  scopeCheckedBy: "script",
  params: { id: "task" },
  headers: ["Idempotency-Key"],
  answers: { 200: { shape: "Task", headers: ["Idempotent-Replayed"] } },
  problems: ["task-already-ended", ...IDEMPOTENCY_PROBLEMS],
  async handle({ c, ctx, caller, params }) {
    const canceled = await cancel(ctx, caller, params.id, await idempotencyIn(c));
    return answer(c, 200, view(ctx, canceled), replayedHeader(canceled.replayed));
  },
});

const replayRoute = route({
  method: "POST",
  path: "/v1/tasks/:id/replay",
  operation: "replayTask",
  summary: "Run an ended task again",
  tag: "Tasks",
  access: "key",
  scope: "tasks:write",
  scopeCheckedBy: "script",
  params: { id: "task" },
  headers: ["Idempotency-Key"],
  answers: {
    202: {
      shape: "Task",
      headers: ["Location", "Operation-Location", "Retry-After", "Idempotent-Replayed"],
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
  async handle({ c, ctx, caller, params }) {
    const replayed = await replay(ctx, caller, params.id, await idempotencyIn(c));
    const self = `${ctx.settings.publicUrl}/v1/tasks/${params.id}`;
    return answer(c, 202, view(ctx, replayed), {
      Location: self,
      "Operation-Location": self,
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
  tag: "Tasks",
  access: "key",
  scope: "tasks:write",
  scopeCheckedBy: "script",
  params: { id: "task" },
  answers: { 204: {} },
  problems: ["task-not-ended"],
  async handle({ c, ctx, caller, params }) {
    await deleteTask(ctx, caller, params.id);
    return c.body(null, 204);
  },
});

export const steeringRoutes: readonly Route[] = [cancelRoute, replayRoute, eraseRoute];
