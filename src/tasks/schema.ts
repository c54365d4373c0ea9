import * as z from "zod/mini";
import { attemptError, deliveryStatus } from "../deliveries/schema.ts";
import {
  component,
  count,
  field,
  type Infer,
  opt,
  pageOf,
  positive,
  time,
  typeId,
} from "../shared/schema/schema.ts";
import { STATUSES } from "./status.ts";

/** The task object: the one definition of a task for clients and receivers. */

export const taskStatus = field(
  z.enum(STATUSES),
  "The task's status. New values may be added: `done` says whether it has ended.",
);

export const failure = () =>
  z.object({
    code: field(z.string(), "Stable and kebab-case.", "invalid-csv"),
    message: field(z.string(), "One sentence for people.", "Line 3: the quote is not closed."),
    retryable: field(z.boolean(), "Whether another attempt could have helped."),
    lastFailure: field(
      opt(
        z.object({
          code: field(z.string(), "The failure's code.", "upstream-status"),
          message: field(z.string(), "One sentence for people.", "The service answered 503."),
          attempt: field(positive, "The attempt that failed."),
        }),
      ),
      "With `deadline-exceeded`: why the last attempt failed that did.",
    ),
  });

/** The fields that answers and events have in common. */
export const taskFields = () => ({
  id: field(typeId("task"), "The task's id, a TypeID.", "task_01kawv0m1ne0nvxf9dkb2jc5h0"),
  type: field(z.string(), "The task type.", "report.generate"),
  status: taskStatus,
  done: field(z.boolean(), "Whether it has ended; then nothing but a replay changes it."),
  run: field(positive, "1, and one more with each replay."),
  sequence: field(count, "Counts the changes of its state: of two versions the higher is the newer."),
  attempt: field(count, "Attempts begun in this run."),
  maxAttempts: field(positive, "`retries` + 1."),
  createdAt: field(time, "When it was accepted."),
  notBefore: field(opt(time), "When it may start; absent when it may at once."),
  startedAt: field(opt(time), "When the first attempt of this run began."),
  endedAt: field(opt(time), "When it ended."),
  deadlineAt: field(time, "When it expires, in every status."),
  resultExpiresAt: field(opt(time), "Until when result and input are kept."),
  progress: field(
    opt(
      z.object({
        percent: field(opt(z.number().check(z.minimum(0), z.maximum(100))), "How far the work is."),
        message: field(opt(z.string()), "A message about the present work."),
        at: field(time, "When the handler said so."),
      }),
    ),
    "The handler's last report.",
  ),
  metadata: field(z.record(z.string(), z.string()), "Metadata from the client, unchanged.", {
    orderId: "o-1",
  }),
  input: field(opt(z.unknown()), "With `?include=input`: the input as it was submitted."),
  result: field(opt(z.unknown()), "The handler's return value, once it succeeded and while it is kept."),
  error: field(opt(failure()), "Why it failed or expired, or why its last attempt did."),
});

export const taskLinks = () => ({
  self: field(z.url(), "The task."),
  result: field(z.url(), "Its bare result."),
  events: field(z.url(), "Its timeline."),
  cancel: field(z.url(), "Where it is canceled."),
});

const self = "https://ringback.example.com/v1/tasks/task_01kawv0m1ne0nvxf9dkb2jc5h0";

export const taskExample = {
  id: "task_01kawv0m1ne0nvxf9dkb2jc5h0",
  type: "report.generate",
  status: "queued",
  done: false,
  run: 1,
  sequence: 1,
  attempt: 0,
  maxAttempts: 4,
  createdAt: "2026-11-24T09:00:00.000Z",
  deadlineAt: "2026-11-24T09:15:00.000Z",
  metadata: { orderId: "o-1" },
  callback: { url: "https://shop.example.com/hooks", status: "pending", attempts: 0 },
  links: { self, result: `${self}/result`, events: `${self}/events`, cancel: `${self}/cancel` },
} as const;

export const resultExample = {
  rows: 3,
  groups: [
    { key: "north", amount: 42 },
    { key: "south", amount: 7 },
  ],
  html: "<table>…</table>",
};

export const Task = component(
  "Task",
  () =>
    z.object({
      ...taskFields(),
      project: field(opt(typeId("prj")), "In a list over all projects: the project's id."),
      paused: field(
        opt(z.literal(true)),
        "Its next attempt is held, because its project or its type is paused.",
      ),
      callback: field(
        opt(
          z.object({
            url: field(z.string(), "The `callbackUrl`."),
            status: deliveryStatus,
            attempts: field(count, "Attempts made."),
            deliveryId: field(opt(typeId("del")), "The delivery of this run's end, once there is one."),
            nextAttemptAt: field(opt(time), "When the next attempt is due."),
            lastError: field(opt(attemptError), "Why the last attempt failed."),
          }),
        ),
        "The state of the callback of this run's end.",
      ),
      links: field(z.object(taskLinks()), "Absolute addresses."),
    }),
  {
    description: "A task. Readers must tolerate fields and statuses that they do not know.",
    example: taskExample,
  },
);
/** A task as clients read it. */
export type Task = Infer<typeof Task>;

export const TaskPage = pageOf("TaskPage", Task, "tasks, newest first");

/** An API key's id, `admin`, `console` or `app` steered it; the others are parts of the gateway, and the client that submitted. */
export const actor = z
  .string()
  .check(
    z.regex(
      /^(?:client|worker|sweep|service|admin|console|app(?::[\w.~!*'()%-]+)?|key_[0-7][0-9a-hjkmnp-tv-z]{25})$/,
    ),
  );

export const TimelineItem = component(
  "TimelineItem",
  () =>
    z.object({
      sequence: field(count, "The task's `sequence` from then on."),
      at: field(time, "When it happened."),
      run: field(positive, "The run."),
      type: field(z.string(), "The type of the change.", "task.started"),
      actor: field(
        actor,
        "The party that moved the task: `worker`, `sweep`, `service`, or the `client` that submitted it; where it was steered, the id of the API key, `admin`, `console`, or `app:` and the percent-encoded name of a user of the app that the gateway is a part of.",
      ),
      cause: field(opt(z.string()), "The reason, where it is not obvious."),
    }),
  {
    description: "One change of a task's state.",
    example: { sequence: 2, at: "2026-11-24T09:00:00.120Z", run: 1, type: "task.started", actor: "worker" },
  },
);
export type TimelineItem = Infer<typeof TimelineItem>;

export const TimelinePage = pageOf("TimelinePage", TimelineItem, "a timeline, oldest first", [
  { sequence: 1, at: "2026-11-24T09:00:00.000Z", run: 1, type: "task.created", actor: "client" },
  { sequence: 2, at: "2026-11-24T09:00:00.120Z", run: 1, type: "task.started", actor: "worker" },
  { sequence: 3, at: "2026-11-24T09:00:00.480Z", run: 1, type: "task.succeeded", actor: "worker" },
]);

export const Result = component("Result", () => z.unknown(), {
  description: "The bare result: the JSON that the handler returned.",
  example: resultExample,
});
