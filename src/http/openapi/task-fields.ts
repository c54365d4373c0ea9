import * as z from "zod/mini";
import { TERMINAL } from "../../tasks/status.ts";
import { as, count, id, opt, positive, time } from "./shape.ts";

/* What a task looks like, in answers and in events. */

export const status = as(
  z.enum(["scheduled", "queued", "running", "waiting", ...TERMINAL]),
  "Where the task stands. New words may come: `done` tells whether it has ended.",
);

export const taskFields = {
  id: as(id("task"), "The task's id, a TypeID.", "task_01kawv0m1ne0nvxf9dkb2jc5h0"),
  type: as(z.string(), "The task type.", "report.generate"),
  status,
  done: as(z.boolean(), "Whether it has ended; then nothing but a replay changes it."),
  run: as(positive, "1, and one more with each replay."),
  sequence: as(count, "Counts the changes of its state: of two versions the higher is the newer."),
  attempt: as(count, "Attempts begun in this run."),
  maxAttempts: as(positive, "`retries` + 1."),
  createdAt: as(time, "When it was accepted."),
  notBefore: as(opt(time), "When it may start; absent when it may at once."),
  startedAt: as(opt(time), "When the first attempt of this run began."),
  endedAt: as(opt(time), "When it ended."),
  deadlineAt: as(time, "When it expires, whatever it is doing."),
  resultExpiresAt: as(opt(time), "Until when result and input are kept."),
  progress: opt(
    as(
      z.object({
        percent: as(opt(z.number().check(z.minimum(0), z.maximum(100))), "How far the work is."),
        message: as(opt(z.string()), "What it is doing."),
        at: as(time, "When the handler said so."),
      }),
      "What the handler said last.",
    ),
  ),
  metadata: as(z.record(z.string(), z.string()), "What the client gave along, unchanged.", {
    orderId: "o-1",
  }),
  input: as(opt(z.unknown()), "With `?include=input`: the input as it was submitted."),
  result: as(opt(z.unknown()), "What the handler returned, once it succeeded and while it is kept."),
  error: opt(
    as(
      z.object({
        code: as(z.string(), "Stable and kebab-case.", "invalid-csv"),
        message: as(z.string(), "One sentence for people.", "Line 3: the quote is not closed."),
        retryable: as(z.boolean(), "Whether another attempt could have helped."),
        lastFailure: opt(
          as(
            z.object({
              code: as(z.string(), "The failure's code.", "upstream-status"),
              message: as(z.string(), "One sentence for people.", "The service answered 503."),
              attempt: as(positive, "The attempt that failed."),
            }),
            "With `deadline-exceeded`: why the last attempt failed that did.",
          ),
        ),
      }),
      "Why it failed or expired, or why its last attempt did.",
    ),
  ),
};

export const links = {
  self: as(z.url(), "The task."),
  result: as(z.url(), "Its bare result."),
  events: as(z.url(), "Its timeline."),
  cancel: as(z.url(), "Where it is canceled."),
};
