import * as z from "zod/mini";
import { PROGRESS_MESSAGE } from "../../shared/limits.ts";
import { ApiError } from "../../shared/problems.ts";
import { json, text } from "../../shared/schema-fields.ts";
import { conclusion, type ReportResult, report } from "../../tasks/run/report.ts";
import { isTerminal } from "../../tasks/status.ts";
import { timestamp } from "../../tasks/view.ts";
import { readResult } from "../pipeline/body.ts";
import { answer } from "../pipeline/respond.ts";
import { type Route, route } from "../pipeline/route.ts";

export const progressRequest = z.strictObject({
  percent: z.exactOptional(z.number().check(z.minimum(0), z.maximum(100))),
  message: z.exactOptional(text(0, PROGRESS_MESSAGE)),
});

export const completeRequest = z.strictObject({ result: z.exactOptional(json()) });

export const failRequest = z.strictObject({
  code: z
    .string()
    .check(
      z.maxLength(64),
      z.regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "must be lower-case words with hyphens between them"),
    ),
  message: text(1, 2_000),
  retryable: z.exactOptional(z.boolean()),
});

/** What every report of a token's bearer has in common. */
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
  summary: "Say how far the work is",
  body: progressRequest,
  answers: { 200: { shape: "Heartbeat" } },
  problems: REFUSED,
  async handle({ c, ctx, caller, body }) {
    return answer(c, 200, alive(await report(ctx, caller, body)));
  },
});

const heartbeatRoute = route({
  ...reported,
  path: "/v1/tasks/:id/heartbeat",
  operation: "reportHeartbeat",
  summary: "Say that the work goes on",
  answers: { 200: { shape: "Heartbeat" } },
  problems: REFUSED,
  async handle({ c, ctx, caller }) {
    return answer(c, 200, alive(await report(ctx, caller)));
  },
});

const completeRoute = route({
  ...reported,
  path: "/v1/tasks/:id/complete",
  operation: "completeTask",
  summary: "Bring the result",
  body: completeRequest,
  answers: { 200: { shape: "ReportResult" } },
  problems: [...REFUSED, "task-already-ended"],
  async handle({ c, ctx, caller, body }) {
    const result = body.result === undefined ? {} : { result: JSON.stringify(body.result) };
    return answer(c, 200, heard(await conclusion(ctx, caller, { kind: "complete", ...result })));
  },
});

const failRoute = route({
  ...reported,
  path: "/v1/tasks/:id/fail",
  operation: "failTask",
  summary: "Say that the attempt has failed",
  body: failRequest,
  answers: { 200: { shape: "ReportResult" } },
  problems: [...REFUSED, "task-already-ended"],
  async handle({ c, ctx, caller, body: { code, message, retryable = true } }) {
    const error = { code, message, retryable };
    return answer(c, 200, heard(await conclusion(ctx, caller, { kind: "fail", error })));
  },
});

/** For senders that know no headers and repeat whatever is not 2xx: a genuine token is always answered with 200. */
const completionRoute = route({
  method: "POST",
  path: "/v1/complete/:token",
  operation: "completeByUrl",
  summary: "Bring the result to the completion URL",
  tag: "Task tokens",
  access: "open",
  params: { token: "text" },
  anyBody: true,
  answers: { 200: { shape: "Completion" } },
  problems: ["temporarily-unavailable"],
  async handle({ c, ctx, params }) {
    const token = await ctx.keyring.verifyTaskToken(params.token);
    if (!token) throw new ApiError("not-found", "Nothing is at this address.");
    const result = await readResult(c);
    const word = { kind: "complete", ...(result !== undefined && { result }) } as const;
    try {
      const { changed } = await conclusion(ctx, token, word);
      return answer(c, 200, { accepted: changed });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      ctx.log("info", "completion-changed-nothing", {
        task: token.task,
        run: token.run,
        code: error.code,
      });
      return answer(c, 200, { accepted: false });
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
