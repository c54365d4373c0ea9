import type { Context } from "hono";
import * as z from "zod/mini";
import type { RequestContext } from "../../../ports/dependencies.ts";
import { idempotencyOf } from "../../../shared/idempotency.ts";
import { BULK_PAGE } from "../../../shared/limits.ts";
import { ApiError } from "../../../shared/problems.ts";
import { component, count, field, type Infer } from "../../../shared/schema/schema.ts";
import type { BulkOutcome, BulkRequest } from "../../../tasks/bulk/bulk-page.ts";
import { cancelMany } from "../../../tasks/bulk/cancel-many.ts";
import { replayMany } from "../../../tasks/bulk/replay-many.ts";
import { idempotencyKey } from "../../pipeline/headers.ts";
import { type Route, route } from "../../pipeline/route.ts";
import { BulkFilter } from "../../schemas/task-requests.ts";
import { filterOf } from "./tasks.ts";

export const BulkAnswer = component(
  "BulkAnswer",
  () =>
    z.object({
      matched: field(count, "Tasks of this page that fit, and that can be changed."),
      changed: field(count, "Tasks that were changed by this request; 0 with `dryRun`."),
      nextCursor: field(z.nullable(z.string()), "Give it as `cursor` for the next page; null on the last."),
    }),
  {
    description: "One page of a bulk request.",
    example: { matched: 100, changed: 100, nextCursor: "1795747197432.MTc5NTc0NzE5NzQzMiB0YXNr" },
  },
);

const declared = {
  method: "POST",
  tag: "Tasks",
  access: "key",
  scope: "tasks:write",
  scopeCheckedBy: "script",
  headers: ["Idempotency-Key"],
  body: BulkFilter,
} as const;

const ABOUT = `At least one filter, or \`all: true\`. A page looks at ${BULK_PAGE} tasks or more and changes at most as many: repeat with \`nextCursor\` until it is null. A page may have no task and still a next one. Repeating with the same cursor is safe: only tasks that had not changed since the first page are touched; the first page is safe to repeat with an \`Idempotency-Key\`.`;

const cancelRoute = route({
  ...declared,
  path: "/v1/tasks/cancel",
  operation: "cancelTasks",
  summary: "Cancel many tasks",
  description: `Cancels the tasks that fit the filter and have not ended. ${ABOUT}`,
  answers: { 200: { description: "The page was done, or counted.", body: BulkAnswer } },
  problems: ["malformed-idempotency-key", "metadata-not-searchable", "malformed-parameter"],
  async handle({ c, ctx, caller, body, json, reply }) {
    return reply(200, answerOf(await cancelMany(ctx, caller, requestOf(body), perTask(ctx, c, json))));
  },
});

const replayRoute = route({
  ...declared,
  path: "/v1/tasks/replay",
  operation: "replayTasks",
  summary: "Run many ended tasks again",
  description: `Begins a new run of the tasks that fit the filter and have ended. A task whose input is no longer kept, or whose history is full, stays as it is. ${ABOUT}`,
  answers: { 200: { description: "The page was done, or counted.", body: BulkAnswer } },
  problems: ["malformed-idempotency-key", "metadata-not-searchable", "malformed-parameter", "quota-exceeded"],
  async handle({ c, ctx, caller, body, json, reply }) {
    return reply(200, answerOf(await replayMany(ctx, caller, requestOf(body), perTask(ctx, c, json))));
  },
});

/** @throws ApiError `invalid-request` for a request without a filter */
function requestOf({ all, dryRun = false, cursor, ...filter }: Infer<typeof BulkFilter>): BulkRequest {
  if (Object.keys(filter).length === 0 && all !== true) {
    const detail = "needs a filter, or `all: true` for every task of the project";
    throw new ApiError("invalid-request", "The body names no tasks.", { errors: [{ pointer: "#", detail }] });
  }
  return { filter: filterOf(filter), dryRun, ...(cursor !== undefined && { cursor }) };
}

/** Each task has a record of the request's idempotency key: a repeated page changes no task twice. */
function perTask({ hashes }: RequestContext, c: Context, json: unknown) {
  const key = idempotencyKey(c.req.header("Idempotency-Key"));
  return (task: string) =>
    idempotencyOf(hashes, "POST", c.req.path, key === undefined ? key : `${key} ${task}`, json);
}

function answerOf({
  matched,
  changed,
  nextCursor = null,
}: Omit<BulkOutcome, "nextCursor"> & { nextCursor?: string | null }) {
  return { matched, changed, nextCursor };
}

export const bulkRoutes: readonly Route[] = [cancelRoute, replayRoute];
