import { type Answer, DONE } from "../deliveries/deliver.ts";
import { type FirstAttemptParts, sendFirstAttempts } from "../deliveries/first-attempts.ts";
import type { RecordCallAnswer } from "../ports/commands/task.ts";
import type { Dependencies } from "../ports/dependencies.ts";
import type { RunStore } from "../ports/stores/task-store.ts";
import { CONFLICT, retryOnConflict } from "../shared/retry-on-conflict.ts";
import { redisTime } from "../shared/time/redis-clock.ts";
import type { TaskRecord } from "../tasks/record.ts";
import { type FailParts, failAttempt } from "../tasks/run/fail-attempt.ts";
import { type FinishParts, finishTask } from "../tasks/run/finish-task.ts";
import { type SuspendParts, suspend } from "../tasks/run/suspend-task.ts";
import { classifyResponse, type ServiceResponse, type Verdict } from "./classify-response.ts";
import { beginPolling, continuePolling, type PollParts } from "./poll-service.ts";
import type { Service } from "./service.ts";

/** The parts that the outcome of a service's call uses. */
type OutcomeParts = FirstAttemptParts &
  PollParts &
  FailParts &
  FinishParts &
  SuspendParts &
  Pick<Dependencies, "clock" | "log" | "services"> & { readonly store: RunStore };

/** The attempt of the outcome, from the address that we gave the queue. */
export interface OutcomeMessage {
  readonly project: string;
  readonly task: string;
  readonly run: number;
  readonly attempt: number;
  readonly service: string;
  /** The poll that was answered; absent: the call itself. */
  readonly poll?: number;
}

/** The queue's report on a call, and whether it will call no more. */
export interface ServiceOutcome extends ServiceResponse {
  readonly message: string;
  readonly isFinal: boolean;
}

type Noted = Extract<RecordCallAnswer, { kind: "published" }>;

/** An attempt with a known outcome is ended within this many milliseconds, or checked again. */
const OUTCOME_LEASE = 60_000;

/** How often an outcome is judged when the task moves meanwhile; the queue sends it again. */
const TRIES = 3;

/**
 * The outcome of a call that the queue made: ends the attempt, or leaves the task waiting. An outcome of an older
 * attempt, or after the end, changes nothing and is logged.
 */
export async function outcome(
  ctx: OutcomeParts,
  message: OutcomeMessage,
  response: ServiceOutcome,
): Promise<Answer> {
  if (!response.isFinal) return DONE;
  const { project, task, run, attempt } = message;
  return await retryOnConflict(
    async () => {
      const noted = await ctx.store.recordCall({
        project,
        task,
        run,
        attempt,
        message: response.message,
        length: OUTCOME_LEASE,
      });
      if (noted.kind !== "published" || isOvertaken(noted.record, message)) {
        const reason = noted.kind === "published" ? noted.record.status : noted.kind;
        ctx.log("info", "outcome-stale", { project, task, run, attempt, poll: message.poll, reason });
        return DONE;
      }
      return (await act(ctx, noted, message, response)) === "done" ? DONE : CONFLICT;
    },
    (): Answer => ({ status: 503, retryAfter: 1_000 }),
    TRIES,
  );
}

/** A waiting task already has its call's outcome; of its polls only the last one counts. */
function isOvertaken(record: TaskRecord, { poll }: OutcomeMessage): boolean {
  if (poll === undefined) return record.status === "waiting";
  return record.status !== "waiting" || record.poll?.number !== poll;
}

/** @returns `changed` when the task moved since it was read */
async function act(
  ctx: OutcomeParts,
  { record, config, now }: Noted,
  message: OutcomeMessage,
  response: ServiceOutcome,
): Promise<"done" | "changed"> {
  const service = ctx.services.get(message.service);
  const verdict = service
    ? classifyResponse(service, response, message.poll !== undefined, ctx.clock())
    : unknownService(message.service);
  const held = {
    record,
    config,
    authority: { by: "token", attempt: record.attempt, sequence: record.sequence },
    actor: "service",
    time: redisTime(now, ctx.clock),
  } as const;
  switch (verdict.kind) {
    case "succeeded": {
      const ending = { status: "succeeded", result: verdict.result } as const;
      return send(ctx, record, await finishTask(ctx, { ...held, ending }));
    }
    case "failed":
      return send(ctx, record, await failAttempt(ctx, { ...held, ...verdict }));
    case "waiting": {
      const heartbeat = record.options.heartbeatTimeout;
      await suspend(ctx, { ...held, ...(heartbeat !== undefined && { heartbeat }) });
      return "done";
    }
    case "poll": {
      const next = { service: service as Service, url: verdict.url, delay: verdict.delay }; // only a service's answer asks for it
      if (message.poll === undefined) await beginPolling(ctx, held, next);
      else await continuePolling(ctx, record, message.poll + 1, next);
      return "done";
    }
  }
}

async function send(
  ctx: OutcomeParts,
  record: TaskRecord,
  finished: Parameters<typeof sendFirstAttempts>[2],
): Promise<"done" | "changed"> {
  if (finished.kind === "changed") return "changed";
  await sendFirstAttempts(ctx, record, finished);
  return "done";
}

function unknownService(name: string): Verdict {
  const message = `There is no service "${name}" any more.`;
  return { kind: "failed", error: { code: "unknown-service", message, retryable: false }, retryAfter: 0 };
}
