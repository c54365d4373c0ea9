import * as z from "zod/mini";
import { Operation, operationView } from "../../../tasks/operation.ts";
import { getTask } from "../../../tasks/read/get-task.ts";
import { wait } from "../../../tasks/read/wait-for-task.ts";
import { isTerminal } from "../../../tasks/status.ts";
import { preferencesOf, waitApplied, waitingOf } from "../../pipeline/prefer.ts";
import { type Route, route } from "../../pipeline/route.ts";
import { token, UNCHANGED, waiting } from "./task-answer.ts";

const operation = route({
  method: "GET",
  path: "/v1/tasks/:id/operation",
  operation: "getTaskOperation",
  summary: "Read a task as a long-running operation",
  description:
    "The target of `Operation-Location`, for clients that poll such an address: 200 in every status, `Retry-After` while it is not done, then `resourceLocation` or `error`.",
  tag: "Tasks",
  access: "key-or-browser-token",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  params: { id: "task" },
  query: z.strictObject({ token }),
  headers: ["If-None-Match", "Prefer"],
  answers: {
    200: {
      description: "The operation.",
      body: Operation,
      headers: ["ETag", "Retry-After", "Preference-Applied", "Vary"],
    },
    304: { description: UNCHANGED, headers: ["ETag", "Retry-After", "Vary"] },
  },
  cache: "revalidate",
  async handle({ c, ctx, caller, params, query, reply }) {
    const preferences = preferencesOf(c);
    const patience = waitingOf(c, preferences, "ended", {});
    const looked = await getTask(ctx, caller, params.id);
    const found = patience ? await wait(ctx, caller, looked, patience) : looked;
    const { record } = found;
    // A client that polls with a token in the address reads the result with the same one.
    const search = query.token === undefined ? "" : `?token=${encodeURIComponent(query.token)}`;
    const result = `${ctx.settings.publicUrl}/v1/tasks/${record.id}/result${search}`;
    return reply(200, operationView(record, result), {
      ...waiting(ctx, found),
      ...(isTerminal(record.status) && waitApplied(preferences)),
    });
  },
});

export const taskOperationRoutes: readonly Route[] = [operation];
