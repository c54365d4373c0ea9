import * as z from "zod/mini";
import { Refusal } from "../domain/problems.ts";
import type { TaskRecord } from "../domain/record.ts";
import { isTerminal } from "../domain/status.ts";
import { taskView } from "../domain/view.ts";
import { lookTask } from "../flow/lookup.ts";
import { wait } from "../flow/wait.ts";
import { text } from "./fields.ts";
import { preferencesOf, waitApplied, waitingOf } from "./prefer.ts";
import { answer } from "./respond.ts";
import { type Route, route } from "./route.ts";
import { waiting } from "./tasks.ts";

const result = route({
  method: "GET",
  path: "/v1/tasks/:id/result",
  operation: "readResult",
  summary: "Read a task's bare result",
  tag: "Tasks",
  access: "key-or-link",
  scope: "tasks:read",
  params: { id: "task" },
  query: z.strictObject({ token: z.exactOptional(text(1, 1_000)) }),
  headers: ["If-None-Match", "Prefer"],
  answers: {
    200: { shape: "Result", headers: ["ETag", "Preference-Applied", "Vary"] },
    202: { shape: "Task", headers: ["ETag", "Location", "Retry-After", "Vary"] },
    204: { headers: ["Preference-Applied", "Vary"] },
    304: { headers: ["ETag", "Retry-After", "Vary"] },
  },
  problems: ["task-not-succeeded", "result-expired"],
  cache: "revalidate",
  async handle({ c, invocation, caller, params }) {
    const preferences = preferencesOf(c);
    const patience = waitingOf(c, preferences, "ended");
    const looked = await lookTask(invocation, caller, params.id, { result: true });
    const found = patience ? await wait(invocation, caller, looked, patience) : looked;
    const { record, now } = found;
    const { publicUrl } = invocation.settings;
    if (!isTerminal(record.status)) {
      const headers = { Location: `${publicUrl}/v1/tasks/${record.id}`, ...waiting(found) };
      return answer(c, 202, taskView(record, { publicUrl, ...found }), headers);
    }
    for (const [name, value] of Object.entries(waitApplied(preferences))) c.header(name, value);
    if (record.status !== "succeeded") throw new Refusal("task-not-succeeded", ending(record));
    if (record.result.placement === "none") return c.body(null, 204);
    if (record.result.json === undefined || (record.resultExpiresAt ?? now) <= now) {
      throw new Refusal("result-expired", "The task succeeded, but its result is no longer kept.");
    }
    return c.body(record.result.json, 200, { "Content-Type": "application/json" });
  },
});

function ending({ status, error }: TaskRecord): string {
  return error ? `The task is ${status}: ${error.code}. ${error.message}` : `The task is ${status}.`;
}

export const resultRoutes: readonly Route[] = [result];
