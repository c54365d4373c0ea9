import * as z from "zod/mini";
import { MAX_DELAY } from "../domain/limits.ts";
import { Refusal } from "../domain/problems.ts";
import type { DeliveryRecord, TaskRecord } from "../domain/record.ts";
import { isTerminal } from "../domain/status.ts";
import { retryAfter, taskView, timelineView } from "../domain/view.ts";
import { accept } from "../flow/accept.ts";
import { listTasks, lookTask } from "../flow/lookup.ts";
import type { Invocation } from "../flow/parts.ts";
import { page } from "./fields.ts";
import { idempotencyKey, nextLink, prefersAsync, rateHeaders, traceparent } from "./headers.ts";
import { answer } from "./respond.ts";
import { type Route, route } from "./route.ts";
import { taskRequest } from "./submit.ts";

/** A start may lie this much farther ahead than a year, because the client's clock is not ours. */
const CLOCK_TOLERANCE = 60_000;

const submit = route({
  method: "POST",
  path: "/v1/tasks",
  operation: "submitTask",
  summary: "Submit a task",
  tag: "Tasks",
  access: "key",
  scope: "tasks:write",
  headers: ["Idempotency-Key", "Prefer", "traceparent"],
  body: taskRequest,
  answers: {
    202: {
      shape: "Task",
      headers: [
        "Location",
        "Operation-Location",
        "Retry-After",
        "Preference-Applied",
        "Idempotent-Replayed",
        "RateLimit",
        "RateLimit-Policy",
        "Vary",
      ],
    },
  },
  problems: [
    "malformed-idempotency-key",
    "idempotency-key-reused",
    "unknown-task-type",
    "unsafe-callback-url",
    "unsafe-url",
    "rate-limited",
    "quota-exceeded",
  ],
  async handle({ c, invocation, caller, body, json }) {
    if (body.notBefore !== undefined && body.notBefore > invocation.clock() + MAX_DELAY + CLOCK_TOLERANCE) {
      const errors = [{ pointer: "#/notBefore", detail: "lies more than 365d ahead" }];
      throw new Refusal("invalid-request", "The body does not fit its schema.", { errors });
    }
    const key = idempotencyKey(c.req.header("Idempotency-Key"));
    const trace = traceparent(c.req.header("traceparent"));
    const accepted = await accept(invocation, caller, {
      ...body,
      canonical: json,
      ...(key !== undefined && { idempotencyKey: key }),
      ...(trace !== undefined && { traceparent: trace }),
    });
    const { settings } = invocation;
    const self = `${settings.publicUrl}/v1/tasks/${accepted.record.id}`;
    return answer(c, 202, view(invocation, accepted), {
      Location: self,
      "Operation-Location": self,
      ...waiting(accepted),
      ...(prefersAsync(c.req.header("Prefer")) && { "Preference-Applied": "respond-async" }),
      ...(accepted.replayed && { "Idempotent-Replayed": "true" }),
      ...(accepted.rate && rateHeaders(settings.rateLimit, accepted.rate)),
    });
  },
});

const list = route({
  method: "GET",
  path: "/v1/tasks",
  operation: "listTasks",
  summary: "List the project's tasks, newest first",
  tag: "Tasks",
  access: "key",
  scope: "tasks:read",
  query: z.strictObject(page),
  answers: { 200: { shape: "TaskPage", headers: ["Link"] }, 304: {} },
  cache: "revalidate",
  async handle({ c, invocation, caller, query }) {
    const { data, now, nextCursor } = await listTasks(invocation, caller, query);
    const items = data.map((item) => view(invocation, { ...item, now }));
    return answer(
      c,
      200,
      { data: items, nextCursor: nextCursor ?? null },
      {
        ...(nextCursor && { Link: nextLink(invocation.settings.publicUrl, c.req.url, nextCursor) }),
      },
    );
  },
});

const read = route({
  method: "GET",
  path: "/v1/tasks/:id",
  operation: "readTask",
  summary: "Look a task up",
  tag: "Tasks",
  access: "key",
  scope: "tasks:read",
  params: { id: "task" },
  query: z.strictObject({ include: z.exactOptional(z.literal("input")) }),
  headers: ["If-None-Match", "Prefer"],
  answers: {
    200: { shape: "Task", headers: ["ETag", "Retry-After", "Vary"] },
    304: { headers: ["ETag", "Vary"] },
  },
  cache: "revalidate",
  async handle({ c, invocation, caller, params, query }) {
    const input = query.include === "input";
    const found = await lookTask(invocation, caller, params.id, { input, result: true });
    return answer(c, 200, view(invocation, found, input), waiting(found));
  },
});

const events = route({
  method: "GET",
  path: "/v1/tasks/:id/events",
  operation: "readTimeline",
  summary: "Read a task's timeline",
  tag: "Tasks",
  access: "key",
  scope: "tasks:read",
  params: { id: "task" },
  headers: ["If-None-Match"],
  answers: { 200: { shape: "TimelinePage", headers: ["ETag"] }, 304: { headers: ["ETag"] } },
  cache: "revalidate",
  async handle({ c, invocation, caller, params }) {
    const { record } = await lookTask(invocation, caller, params.id, {});
    return answer(c, 200, { data: record.timeline.map(timelineView), nextCursor: null });
  },
});

interface Found {
  readonly record: TaskRecord;
  readonly now: number;
  readonly delivery?: DeliveryRecord;
}

function view({ settings }: Invocation, { record, now, delivery }: Found, input = false) {
  return taskView(record, {
    publicUrl: settings.publicUrl,
    now,
    include: { input },
    ...(delivery && { delivery }),
  });
}

/** When looking again makes sense, while the task is not done. */
export function waiting({ record, now }: Found): Record<string, string> {
  return isTerminal(record.status) ? {} : { "Retry-After": `${retryAfter(record, now)}` };
}

export const taskRoutes: readonly Route[] = [submit, list, read, events];
