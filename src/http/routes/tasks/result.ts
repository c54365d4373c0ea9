import type { Context } from "hono";
import * as z from "zod/mini";
import { type ServiceAnswer, serviceAnswer } from "../../../services/replay-response.ts";
import { ApiError, undecryptable } from "../../../shared/problems.ts";
import { field, opt } from "../../../shared/schema/schema.ts";
import { text } from "../../../shared/schema/schema-fields.ts";
import { reasonOf } from "../../../tasks/operation.ts";
import { getTask } from "../../../tasks/read/get-task.ts";
import { wait } from "../../../tasks/read/wait-for-task.ts";
import type { TaskRecord } from "../../../tasks/record.ts";
import { Result, Task } from "../../../tasks/schema.ts";
import { isTerminal } from "../../../tasks/status.ts";
import { taskView } from "../../../tasks/view.ts";
import { preferencesOf, waitApplied, waitingOf } from "../../pipeline/prefer.ts";
import { type Env, type Route, route } from "../../pipeline/route.ts";
import { UNCHANGED, waiting } from "./task-answer.ts";

const result = route({
  method: "GET",
  path: "/v1/tasks/:id/result",
  operation: "getTaskResult",
  summary: "Read a task's bare result",
  description:
    "The handler's return value and nothing around it; with `raw` and for a task of the type `http.request`, the answer of its service. A callback whose result was too large to send along links here with a token that needs no API key.",
  tag: "Tasks",
  access: "key-or-link",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  params: { id: "task" },
  query: z.strictObject({
    token: field(
      opt(text(1, 1_000)),
      "A token of `createBrowserToken`, or that of a signed link, in place of an API key.",
    ),
    raw: field(
      opt(z.enum(["", "true"])),
      "The service's status, headers (the common ones and those that the service lists) and bytes. Other results are shown as without `raw`.",
    ),
  }),
  headers: ["If-None-Match", "Prefer"],
  answers: {
    200: {
      description: "The result.",
      body: Result,
      media: "*/*",
      headers: ["Ringback-Service-Status", "ETag", "Preference-Applied", "Vary"],
    },
    202: {
      description: "Not done yet: the task.",
      body: Task,
      headers: ["ETag", "Location", "Content-Location", "Retry-After", "Vary"],
    },
    204: {
      description: "The task succeeded, and there is no result.",
      headers: ["Ringback-Service-Status", "ETag", "Preference-Applied", "Vary"],
    },
    304: { description: UNCHANGED, headers: ["ETag", "Retry-After", "Content-Location", "Vary"] },
    default: {
      description:
        "With `raw`: the service's answer as it was, also one that made the task fail. `Ringback-Service-Status` distinguishes it from the gateway's own answers.",
      media: "*/*",
      headers: ["Ringback-Service-Status", "ETag", "Preference-Applied", "Vary"],
    },
  },
  problems: ["task-not-succeeded", "result-expired", "undecryptable"],
  cache: "revalidate",
  async handle({ c, ctx, caller, params, query, reply, send }) {
    const preferences = preferencesOf(c);
    const patience = waitingOf(c, preferences, "ended");
    const looked = await getTask(ctx, caller, params.id, { result: true });
    const found = patience ? await wait(ctx, caller, looked, patience) : looked;
    const { record, now } = found;
    const { publicUrl } = ctx.settings;
    if (!isTerminal(record.status)) {
      const body = taskView(record, { publicUrl, ...found });
      return reply(202, body, {
        Location: body.links.result + new URL(c.req.url).search, // as it was asked for: raw, and with its token
        "Content-Location": body.links.self,
        ...waiting(ctx, found),
      });
    }
    for (const [name, value] of Object.entries(waitApplied(preferences))) c.header(name, value);
    const raw = query.raw === undefined ? undefined : serviceAnswer(record);
    if (raw) return send(rawAnswer(c, raw));
    if (record.status !== "succeeded") throw notSucceeded(record);
    if (record.result.undecryptable) throw undecryptable("The result");
    if (record.result.placement === "none") return reply(204, null);
    if (record.result.json === undefined || (record.resultExpiresAt ?? now) <= now) {
      throw new ApiError("result-expired", "The task succeeded, but its result is no longer kept.");
    }
    return send(c.body(record.result.json, 200, { "Content-Type": "application/json" }));
  },
});

/** The answer under its own status and headers. Where both have a header, ours counts: its caching and its request id. */
function rawAnswer(c: Context<Env>, { status, headers, body }: ServiceAnswer): Response {
  const ours = c.body(null, 200, { "Ringback-Service-Status": `${status}` }).headers;
  for (const [name, value] of Object.entries(headers)) {
    if (!ours.has(name)) ours.set(name, value);
  }
  // Encoded bytes stay as they are: Workers would encode them once more.
  const init = { status, headers: ours, encodeBody: "manual" } as const;
  return new Response(body.length > 0 && !BODILESS.has(status) ? body : null, init);
}

/** https://fetch.spec.whatwg.org/#null-body-status, as far as a service may answer them. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** Clients that poll `Location` learn from `taskStatus` and `error` how the task ended. */
function notSucceeded(record: TaskRecord): ApiError {
  const { status, error } = record;
  const detail = error ? `The task is ${status}: ${error.code}. ${error.message}` : `The task is ${status}.`;
  return new ApiError("task-not-succeeded", detail, {
    members: { taskStatus: status, error: reasonOf(record) },
  });
}

export const resultRoutes: readonly Route[] = [result];
