import * as z from "zod/mini";
import { ApiError } from "../../../shared/problems.ts";
import { component, field, time } from "../../../shared/schema/schema.ts";
import { conclusion, type ReportResult, report } from "../../../tasks/run/report.ts";
import { taskStatus } from "../../../tasks/schema.ts";
import { isTerminal } from "../../../tasks/status.ts";
import { timestamp } from "../../../tasks/view.ts";
import { readResult } from "../../pipeline/body.ts";
import { type Route, route } from "../../pipeline/route.ts";
import { CompleteRequest, FailRequest, ProgressRequest } from "../../schemas/task-requests.ts";

const Heartbeat = component(
  "Heartbeat",
  () =>
    z.object({
      cancelRequested: field(
        z.boolean(),
        "Whether to stop. A cancel takes hold at once: then the answer is 410, and this is among the problem's members.",
      ),
      deadlineAt: field(time, "When the task expires; reports do not move it."),
    }),
  {
    description: "The work may go on.",
    example: { cancelRequested: false, deadlineAt: "2026-11-24T09:15:00.000Z" },
  },
);

const ReportAnswer = component(
  "ReportResult",
  () =>
    z.object({
      status: field(taskStatus, "The task's present status."),
      done: field(z.boolean(), "Whether it has ended; false when a failed attempt is followed by another."),
    }),
  { description: "The report was accepted, now or before.", example: { status: "succeeded", done: true } },
);

const Completion = component(
  "Completion",
  () =>
    z.object({
      accepted: field(z.boolean(), "Whether this body became the result; false: nothing was changed."),
    }),
  { description: "A genuine address.", example: { accepted: true } },
);

/** The common part of every report of a token's bearer. */
const reported = {
  method: "POST",
  tag: "Task tokens",
  access: "task-token",
  params: { id: "task" },
} as const;
const REFUSED = ["task-token-stale", "task-over"] as const;

const progressRoute = route({
  ...reported,
  path: "/v1/tasks/:id/progress",
  operation: "reportProgress",
  summary: "Report progress",
  description:
    "The newest is kept with the task; it counts as a heartbeat. Legal while the task is running or waiting.",
  body: ProgressRequest,
  answers: { 200: { description: "Noted: the work may go on.", body: Heartbeat } },
  problems: REFUSED,
  async handle({ ctx, caller, body, reply }) {
    return reply(200, alive(await report(ctx, caller, body)));
  },
});

const heartbeatRoute = route({
  ...reported,
  path: "/v1/tasks/:id/heartbeat",
  operation: "reportHeartbeat",
  summary: "Report that the work goes on",
  description:
    "Starts the clock of `heartbeatTimeout` again. Legal while the task is running or waiting; the clock runs while it is waiting.",
  answers: { 200: { description: "Noted: the work may go on.", body: Heartbeat } },
  problems: REFUSED,
  async handle({ ctx, caller, reply }) {
    return reply(200, alive(await report(ctx, caller)));
  },
});

const completeRoute = route({
  ...reported,
  path: "/v1/tasks/:id/complete",
  operation: "completeTask",
  summary: "Report the result",
  description:
    "The task has succeeded, even when its handler has not returned yet. A repeated report changes nothing and is answered the same way.",
  body: CompleteRequest,
  answers: { 200: { description: "Noted: the task's present status.", body: ReportAnswer } },
  problems: [...REFUSED, "task-already-ended"],
  async handle({ ctx, caller, body, reply }) {
    const result = body.result === undefined ? {} : { result: JSON.stringify(body.result) };
    return reply(200, heard(await conclusion(ctx, caller, { kind: "complete", ...result })));
  },
});

const failRoute = route({
  ...reported,
  path: "/v1/tasks/:id/fail",
  operation: "failTask",
  summary: "Report that the attempt has failed",
  description:
    "The attempt has failed: another one follows, if `retryable` (true unless given) and its budget allow. A repeated report changes nothing.",
  body: FailRequest,
  answers: { 200: { description: "Noted: the task's present status.", body: ReportAnswer } },
  problems: [...REFUSED, "task-already-ended"],
  async handle({ ctx, caller, body: { code, message, retryable = true }, reply }) {
    const error = { code, message, retryable };
    return reply(200, heard(await conclusion(ctx, caller, { kind: "fail", error })));
  },
});

/** For senders that know no headers and repeat on anything but 2xx: a genuine token is always answered with 200. */
const completionRoute = route({
  method: "POST",
  path: "/v1/complete/:token",
  operation: "completeByUrl",
  summary: "Report the result to the completion URL",
  description:
    "For the `webhook` field of another service: no header is needed, and any JSON posted here, or none, becomes the result. A genuine address always answers 200, also when the task has ended: `accepted` says whether something was changed.",
  tag: "Task tokens",
  access: "open",
  params: { token: { description: "The task token.", example: "rbt_…" } },
  anyBody: true,
  answers: {
    200: { description: "Accepted, or there was nothing to change.", body: Completion },
  },
  problems: ["temporarily-unavailable"],
  async handle({ c, ctx, params, reply }) {
    const token = await ctx.keyring.verifyTaskToken(params.token);
    if (!token) throw new ApiError("not-found", "Nothing is at this address.");
    const result = await readResult(c);
    const word = { kind: "complete", ...(result !== undefined && { result }) } as const;
    try {
      const { changed } = await conclusion(ctx, token, word);
      return reply(200, { accepted: changed });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      ctx.log("info", "completion-changed-nothing", {
        project: token.project,
        task: token.task,
        run: token.run,
        attempt: token.attempt,
        code: error.code,
      });
      return reply(200, { accepted: false });
    }
  },
});

function alive({ deadlineAt }: { readonly deadlineAt: number }) {
  return { cancelRequested: false, deadlineAt: timestamp(deadlineAt) };
}

function heard({ status }: ReportResult) {
  return { status, done: isTerminal(status) };
}

export const reportRoutes: readonly Route[] = [
  progressRoute,
  heartbeatRoute,
  completeRoute,
  failRoute,
  completionRoute,
];
