import * as z from "zod/mini";
import type { TaskFilter } from "../../../ports/commands/list.ts";
import { listEveryProject } from "../../../projects/every-project.ts";
import { field, opt } from "../../../shared/schema/schema.ts";
import { instant, page, typeName } from "../../../shared/schema/schema-fields.ts";
import { traceOf } from "../../../shared/trace/trace-context.ts";
import { getTask, listTasks } from "../../../tasks/read/get-task.ts";
import { acceptAndWait, wait } from "../../../tasks/read/wait-for-task.ts";
import { Task, TaskPage } from "../../../tasks/schema.ts";
import { isTerminal, STATUSES } from "../../../tasks/status.ts";
import type { Submit } from "../../../tasks/submit/prepare-task.ts";
import { accept } from "../../../tasks/submit/submit-task.ts";
import { etagOf, namesTag } from "../../pipeline/etag.ts";
import { idempotencyKey, rateHeaders } from "../../pipeline/headers.ts";
import { IDEMPOTENCY_PROBLEMS } from "../../pipeline/idempotency.ts";
import { preferencesOf, waitApplied, waitingOf } from "../../pipeline/prefer.ts";
import { type Call, type Route, route } from "../../pipeline/route.ts";
import { searchedMetadata, TaskRequest } from "../../schemas/task-requests.ts";
import {
  ABOUT_TASK,
  addressesOf,
  type Found,
  linkTo,
  token,
  UNCHANGED,
  view,
  waiting,
} from "./task-answer.ts";

/** The next addresses, whether it was known already, the rest of the rate, and the preference that was honoured. */
export const SUBMIT_HEADERS = [
  "Location",
  "Operation-Location",
  "Content-Location",
  "Preference-Applied",
  "Idempotent-Replayed",
  "RateLimit",
  "RateLimit-Policy",
  "Vary",
] as const;

/** The answer to a submitted task. */
export const SUBMIT_ANSWERS = {
  200: {
    description: "With `Prefer: wait=N`: it has ended within the wait, with any status.",
    body: Task,
    headers: SUBMIT_HEADERS,
    links: ABOUT_TASK,
  },
  202: {
    description: "Accepted: the task.",
    body: Task,
    headers: [...SUBMIT_HEADERS, "Retry-After"],
    links: ABOUT_TASK,
  },
} as const;

/** The refusals of every submit. */
export const SUBMIT_PROBLEMS = [
  ...IDEMPOTENCY_PROBLEMS,
  "unsafe-callback-url",
  "idempotency-key-required",
  "rate-limited",
  "quota-exceeded",
] as const;

const submit = route({
  method: "POST",
  path: "/v1/tasks",
  operation: "submitTask",
  summary: "Submit a task",
  description:
    "Keeps the task and answers at once. When the answer is lost or is a 503, repeat the request with the same `Idempotency-Key`: there will be one task. A repetition is answered with the task as it is then.",
  tag: "Tasks",
  access: "key",
  scope: "tasks:write",
  scopeCheckedBy: "script",
  headers: ["Idempotency-Key", "Prefer", "traceparent", "tracestate"],
  query: z.strictObject({
    location: field(
      opt(z.enum(["task", "result"])),
      "Where `Location` leads: to the task, or to its result, for clients that poll `Location` until it is no longer 202. `task` unless given.",
    ),
  }),
  body: TaskRequest,
  answers: SUBMIT_ANSWERS,
  callbacks: "task",
  problems: [...SUBMIT_PROBLEMS, "unknown-task-type", "unsafe-url"],
  handle: (call) =>
    submitted(
      call,
      { ...call.body, canonical: call.json },
      call.query.location === "result" ? "/result" : "",
    ),
});

const list = route({
  method: "GET",
  path: "/v1/tasks",
  operation: "listTasks",
  summary: "List the project's tasks, newest first",
  description:
    "A page may be short, even empty, and still have a next one: follow `nextCursor`, not the count. The admin token without `Ringback-Project` reads the tasks of all projects, one project after the other; a metadata filter passes over the projects that are not searched by it.",
  tag: "Tasks",
  access: "key",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  query: z.strictObject({
    status: field(
      opt(z.enum(STATUSES)),
      "Only tasks of this status. `failed`, `canceled` and `expired` have indexes of their own; for the others tasks are looked through, 300 a page at most, so that pages may be short.",
    ),
    type: field(opt(typeName()), "Only tasks of this type."),
    metadata: field(
      opt(searchedMetadata()),
      "Only tasks with this metadata, as `metadata[orderId]=o-1`, by keys that the project has named searchable.",
    ),
    createdAfter: field(opt(instant()), "Only tasks that were accepted later than then, RFC 3339."),
    createdBefore: field(opt(instant()), "Only tasks that were accepted earlier than then, RFC 3339."),
    ...page,
  }),
  answers: {
    200: { description: "A page of tasks.", body: TaskPage, headers: ["ETag", "Link"] },
    304: { description: UNCHANGED, headers: ["ETag"] },
  },
  problems: ["metadata-not-searchable"],
  cache: "revalidate",
  walks: ({ status, type, metadata }) => (status ?? type ?? metadata) !== undefined,
  async handle({ c, ctx, caller, query, reply }) {
    const { data, nextCursor, visited } = await listTasks(ctx, caller, query, filterOf(query));
    c.set("visited", visited);
    const items = data.map((item) => view(ctx, item));
    return reply(200, { data: items, nextCursor: nextCursor ?? null }, linkTo(c, ctx, nextCursor));
  },
  async handleEveryProject({ c, ctx, query, reply }) {
    let visited = 0;
    const { data, nextCursor } = await listEveryProject(ctx, query, "tasks", async (admin, place) => {
      const page = await listTasks(ctx, admin, place, filterOf(query));
      visited += page.visited;
      return page;
    });
    c.set("visited", visited);
    const items = data.map(({ project, item }) => ({ ...view(ctx, item), project }));
    return reply(200, { data: items, nextCursor: nextCursor ?? null }, linkTo(c, ctx, nextCursor));
  },
});

/** The filter of a list's parameters. */
export function filterOf({
  createdAfter,
  createdBefore,
  status,
  type,
  metadata,
}: Omit<TaskFilter, "after" | "before"> & {
  readonly createdAfter?: number;
  readonly createdBefore?: number;
}): TaskFilter {
  return {
    ...(status !== undefined && { status }),
    ...(type !== undefined && { type }),
    ...(metadata !== undefined && { metadata }),
    ...(createdAfter !== undefined && { after: createdAfter }),
    ...(createdBefore !== undefined && { before: createdBefore }),
  };
}

const read = route({
  method: "GET",
  path: "/v1/tasks/:id",
  operation: "getTask",
  summary: "Read a task",
  description:
    "Never missing after its 202. While the task is not done, `Retry-After` says when another read makes sense; with `If-None-Match` an unchanged task costs no body.",
  tag: "Tasks",
  access: "key-or-browser-token",
  scope: "tasks:read",
  scopeCheckedBy: "script",
  params: { id: "task" },
  query: z.strictObject({ token, include: field(opt(z.literal("input")), "Also show the input.") }),
  headers: ["If-None-Match", "Prefer"],
  answers: {
    200: {
      description: "The task.",
      body: Task,
      headers: ["ETag", "Retry-After", "Content-Location", "Preference-Applied", "Vary"],
    },
    304: { description: UNCHANGED, headers: ["ETag", "Retry-After", "Content-Location", "Vary"] },
  },
  cache: "revalidate",
  async handle({ c, ctx, caller, params, query, reply }) {
    const include = { input: query.include === "input", result: true };
    const shown = async (found: Found) => {
      const body = view(ctx, found, include.input);
      return { found, body, tag: await etagOf(ctx.hashes, JSON.stringify(body)) };
    };
    let now = await shown(await getTask(ctx, caller, params.id, include));
    const known = c.req.header("If-None-Match");
    const preferences = preferencesOf(c);
    const patience = waitingOf(c, preferences, known === undefined ? "ended" : "changed", include);
    if (patience && (known === undefined || namesTag(known, now.tag))) {
      now = await shown(await wait(ctx, caller, now.found, patience));
    }
    const isOver = known === undefined ? isTerminal(now.found.record.status) : !namesTag(known, now.tag);
    return reply(200, now.body, {
      ETag: now.tag,
      "Content-Location": `${now.body.links.self}${include.input ? "?include=input" : ""}`,
      ...waiting(ctx, now.found),
      ...(isOver && waitApplied(preferences)),
    });
  },
});

/**
 * Submits the task of a request, waits for its end as far as the request prefers, and answers.
 *
 * @param next where `Location` leads, below the task
 */
export async function submitted(
  {
    c,
    ctx,
    caller,
    reply,
  }: Pick<Call<unknown, unknown, unknown, typeof SUBMIT_ANSWERS, "key">, "c" | "ctx" | "caller" | "reply">,
  asked: Submit,
  next: "" | "/result" | "/result?raw",
) {
  const key = idempotencyKey(c.req.header("Idempotency-Key"));
  const trace = traceOf(c.req.header("traceparent"), c.req.header("tracestate"));
  const task = {
    ...asked,
    ...(key !== undefined && { idempotencyKey: key }),
    ...(trace !== undefined && { trace }),
  };
  const preferences = preferencesOf(c);
  const patience = waitingOf(c, preferences, "ended");
  const accepted = patience
    ? await acceptAndWait(ctx, caller, task, patience)
    : await accept(ctx, caller, task);
  const inTime = patience !== undefined && isTerminal(accepted.record.status);
  return reply(inTime ? 200 : 202, view(ctx, accepted), {
    ...addressesOf(ctx, accepted, next),
    ...waiting(ctx, accepted),
    ...(preferences.respondAsync && { "Preference-Applied": "respond-async" }),
    ...(inTime && waitApplied(preferences)),
    ...(accepted.replayed && { "Idempotent-Replayed": "true" }),
    ...(accepted.rate && rateHeaders(accepted.rate)),
  });
}

export const taskRoutes: readonly Route[] = [submit, list, read];
