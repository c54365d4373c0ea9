import { type FirstAttemptParts, sendFirstAttempts } from "../../deliveries/first-attempts.ts";
import { type AnnounceParts, announceProgress } from "../../events/announce.ts";
import type { Authority } from "../../ports/commands/task.ts";
import type { RequestContext } from "../../ports/dependencies.ts";
import type { ConfigStore } from "../../ports/stores/project-store.ts";
import type { RunStore, TaskReadStore } from "../../ports/stores/task-store.ts";
import { system, type TaskToken } from "../../projects/principal.ts";
import { fault } from "../../shared/fault-point.ts";
import { ApiError } from "../../shared/problems.ts";
import { CONFLICT, retryOnConflict } from "../../shared/retry-on-conflict.ts";
import { redisTime } from "../../shared/time/redis-clock.ts";
import { attemptFields } from "../log-fields.ts";
import type { Failure, TaskRecord } from "../record.ts";
import { isTerminal, type TaskStatus, type TerminalStatus } from "../status.ts";
import { alreadyEnded } from "../steer/steered-task.ts";
import { type FailParts, failAttempt } from "./fail-attempt.ts";
import { type FinishInput, type FinishParts, type FinishResult, finishTask } from "./finish-task.ts";

/** The parts that the report of a task token's bearer uses. */
type ReportParts = FirstAttemptParts &
  AnnounceParts &
  FailParts &
  FinishParts &
  Pick<RequestContext, "background" | "clock" | "log"> & {
    readonly store: ConfigStore & RunStore & TaskReadStore;
  };

/** The final report of a token's bearer. */
export type LastWord =
  | { readonly kind: "complete" /** JSON text; absent without a result. */; readonly result?: string }
  | { readonly kind: "fail"; readonly error: Failure };

/** The result of a final report. */
export interface ReportResult {
  readonly status: TaskStatus;
  /** Whether this report moved the task; false when it repeats an earlier one. */
  readonly changed: boolean;
}

/** The bearer is alive, and may report progress. @throws ApiError `not-found`, `task-token-stale` or `task-over` */
export async function report(
  ctx: ReportParts,
  token: TaskToken,
  progress?: { readonly percent?: number; readonly message?: string },
): Promise<{ readonly deadlineAt: number }> {
  const { project, task, run, attempt } = token;
  const command = { project, task, run, attempt, ...(progress && { progress }) };
  let answer = await ctx.store.report(command);
  if (answer.kind === "stale" && (await beganEarly(ctx, token, (await readHeld(ctx, token)).record))) {
    answer = await ctx.store.report(command);
  }
  switch (answer.kind) {
    case "gone":
      throw missing();
    case "stale":
      throw stale();
    case "ended":
      throw over(answer.status);
    case "reported":
      if (answer.record && answer.config) {
        ctx.background.waitUntil(announceProgress(ctx, answer.record, { config: answer.config }));
      }
      return { deadlineAt: answer.deadlineAt };
  }
}

/**
 * The bearer of a token ends its attempt: the task has succeeded, or the attempt has failed. It may be faster than the
 * handler that handed the work on. A repeated report changes nothing.
 *
 * @throws ApiError `not-found`, `task-token-stale`, `task-over` or `task-already-ended`
 */
export async function conclusion(ctx: ReportParts, token: TaskToken, word: LastWord): Promise<ReportResult> {
  return await retryOnConflict(
    async () => {
      const { record, config, now } = await readHeld(ctx, token);
      if (await beganEarly(ctx, token, record)) return CONFLICT;
      const held = fault("any-token") ? record : token;
      const known = reportedBefore(record, held, word);
      if (known) return { status: known, changed: false };
      const authority: Authority = { by: "token", attempt: held.attempt, sequence: record.sequence };
      const input = { record, config, authority, actor: "service", time: redisTime(now, ctx.clock) } as const;
      const finished = await write(ctx, input, word);
      if (finished.kind === "retrying") return { status: "queued", changed: true };
      if (finished.kind !== "ended") {
        ctx.log("info", "outcome-not-written", { ...attemptFields(record), reason: finished.kind });
        return CONFLICT;
      }
      ctx.background.waitUntil(sendFirstAttempts(ctx, record, finished));
      const { status } = finished.ending;
      // A failure before the deadline was accepted: the task expires because no other attempt could start.
      const isHeard = word.kind === "fail" && finished.endedAt < record.deadlineAt;
      if (status === "expired" && !isHeard) throw over(status);
      return { status, changed: true };
    },
    () => {
      throw new Error(`Task ${token.task} kept changing while its token's bearer ended it.`);
    },
  );
}

/** How long an attempt that begins with its service's report is leased: another report or its outcome ends it. */
const EARLY_LEASE = 60_000;

/** A service may be faster than the record of its call: then its report begins the attempt that its token names. */
async function beganEarly(
  ctx: ReportParts,
  { project, task, run, attempt }: TaskToken,
  record: TaskRecord,
): Promise<boolean> {
  if (record.status !== "queued" || record.run !== run || record.attempt + 1 !== attempt) return false;
  const begun = { project, task, run, attempt, message: "", length: EARLY_LEASE };
  return (await ctx.store.recordCall(begun)).kind === "published";
}

function write(
  ctx: ReportParts,
  held: Omit<FinishInput, "ending">,
  word: LastWord,
): Promise<FinishResult | { readonly kind: "retrying" }> {
  if (word.kind === "fail") return failAttempt(ctx, { ...held, error: word.error });
  const { result } = word;
  return finishTask(ctx, {
    ...held,
    ending: { status: "succeeded", ...(result !== undefined && { result }) },
  });
}

async function readHeld(ctx: ReportParts, { project, task }: TaskToken) {
  const us = system(project);
  const [found, config] = await Promise.all([
    ctx.store.readTask(us, task),
    ctx.store.readConfig(us, "admin"),
  ]);
  if (found.kind !== "found") throw missing();
  const stored = config.kind === "found" ? config.config : { version: 0, json: "{}" };
  return { record: found.record, now: found.now, config: stored };
}

const REPORTED: Readonly<Record<LastWord["kind"], TerminalStatus>> = {
  complete: "succeeded",
  fail: "failed",
};

/**
 * The status that a repeated report led to; undefined when the report is new.
 *
 * @throws ApiError when it may not be made
 */
function reportedBefore(
  record: TaskRecord,
  held: Pick<TaskToken, "run" | "attempt">,
  word: LastWord,
): TaskStatus | undefined {
  const { status } = record;
  if (record.run !== held.run || record.attempt !== held.attempt) throw stale();
  if (status === REPORTED[word.kind]) return status;
  if (status === "canceled" || status === "expired") throw over(status);
  if (isTerminal(status)) throw alreadyEnded(status);
  if (status !== "queued") return undefined;
  // This attempt has failed, and the next one has not begun.
  if (word.kind === "fail") return status;
  throw stale();
}

function missing(): ApiError {
  return new ApiError("not-found", "The token's task is no longer kept.");
}

function stale(): ApiError {
  return new ApiError("task-token-stale", "The token is of an earlier run or attempt: nothing was changed.");
}

/** `cancelRequested` tells a worker that reads no codes to stop. */
function over(status: TaskStatus): ApiError {
  const members = { cancelRequested: true };
  return new ApiError("task-over", `The task is ${status}: nothing was changed. Stop working on it.`, {
    members,
  });
}
