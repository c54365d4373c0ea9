import { type FanOutParts, fanOut, leased, type Opened, openedOf } from "../../events/fan-out.ts";
import { type Ending, endOf } from "../../events/task-events.ts";
import type { Authority, EndAnswer, EndCommand } from "../../ports/commands/task.ts";
import type { Dependencies } from "../../ports/dependencies.ts";
import { RequestTooLarge, StoreRefused } from "../../ports/errors.ts";
import type { RunStore } from "../../ports/stores/task-store.ts";
import type { StoredConfig } from "../../projects/caller.ts";
import type { Idempotency } from "../../shared/idempotency.ts";
import { CONFLICT, retryOnConflict } from "../../shared/retry-on-conflict.ts";
import { attemptFields } from "../log-fields.ts";
import type { Actor, Failure, Progress, TaskRecord } from "../record.ts";

/** The parts that the command of an end is made of. */
export type EndCommandParts = FanOutParts & Pick<Dependencies, "settings">;

/** The parts that the end of a task uses. */
export type FinishParts = EndCommandParts &
  Pick<Dependencies, "log" | "runTimes"> & { readonly store: RunStore };

export interface FinishInput {
  readonly record: TaskRecord;
  readonly config: StoredConfig;
  readonly authority: Authority;
  readonly ending: Ending;
  readonly actor: Actor;
  /** Of the client's request. */
  readonly idempotency?: Idempotency;
  readonly cause?: string;
  /** The handler's last report of its progress. */
  readonly progress?: Progress;
  /** The caller has no time to send first attempts: the queue makes them. */
  readonly byQueue?: boolean;
  /** Redis time. */
  readonly time: () => number;
}

/** The outcome, and the deliveries that are to be sent. */
export type FinishResult =
  | {
      readonly kind: "ended";
      readonly ending: Ending;
      readonly endedAt: number;
      readonly now: number;
      readonly config: StoredConfig;
      readonly opened: Opened;
      /** The batch whose last task it was. */
      readonly batchDone?: string;
    }
  | Exclude<EndAnswer, { kind: "ended" | "config-changed" | "deadline-passed" }>;

/**
 * Ends a task. Past its deadline it can only expire; when endpoints changed meanwhile its deliveries are made
 * again; with a result that Redis refuses it ends without it.
 */
export async function finishTask(deps: FinishParts, input: FinishInput): Promise<FinishResult> {
  const { cause: _cause, progress: _progress, ...rest } = input; // these two may be left out later
  let { ending, config, cause, progress } = input;
  return await retryOnConflict(
    async () => {
      const record = progress ? { ...input.record, progress } : input.record;
      const { command, deliveries, endedAt } = await endCommand(deps, {
        ...rest,
        ...{ record, ending, config },
        ...(cause !== undefined && { cause }),
        ...(progress && { progress }),
      });
      const answer = await deps.store.end(command).catch((error: unknown) => refusalOf(error));
      if (answer instanceof StoreRefused) {
        ({ ending, cause, progress } = withLess({ ending, cause, progress }, answer));
        deps.log("warn", "result-not-stored", { ...attemptFields(record), reason: answer.message });
        return CONFLICT;
      }
      switch (answer.kind) {
        case "deadline-passed":
          ending = expiry(record, failureOf(ending));
          return CONFLICT;
        case "config-changed":
          config = answer.config;
          return CONFLICT;
        case "ended":
          noteRunTime(deps, record, ending, endedAt);
          return {
            ...{ kind: "ended", ending, endedAt, now: answer.now, config },
            opened: openedOf(deliveries, answer.held, input.byQueue),
            ...(answer.batchDone && record.batch !== undefined && { batchDone: record.batch }),
          };
        default:
          return answer;
      }
    },
    () => {
      throw new Error(
        `Task ${input.record.id} could not be ended: its project's configuration keeps changing.`,
      );
    },
  );
}

/** The command that ends a task, and the deliveries that it opens. */
export async function endCommand(deps: EndCommandParts, input: FinishInput) {
  const { record, ending, config, authority, actor, idempotency, cause, progress, byQueue, time } = input;
  const endedAt = Math.max(Math.floor(time()), record.startedAt ?? record.createdAt);
  const resultTtl = record.options.resultTtl ?? deps.settings.resultTtl;
  const made = await fanOut(deps, config, endOf(record, ending, endedAt, resultTtl));
  // The holder of the task's lease sends the first attempts itself; for other callers the deliver step begins them.
  const deliveries = authority.by === "lease" && !byQueue ? leased(deps, made) : made;
  const command: EndCommand = {
    record,
    authority,
    outcome: {
      kind: ending.status,
      endedAt,
      resultTtl,
      deliveries,
      ...(ending.result !== undefined && { result: ending.result }),
      ...(ending.error && { error: ending.error }),
    },
    actor,
    ...(idempotency && { idempotency }),
    ...(cause !== undefined && { cause }),
    ...(progress && { progress }),
    configVersion: config.version,
    nonce: crypto.randomUUID(),
  };
  return { command, deliveries, endedAt };
}

/** Only a first attempt that succeeds shows the usual run time: later ones include the waits between attempts. */
function noteRunTime(
  { runTimes }: FinishParts,
  record: TaskRecord,
  { status }: Ending,
  endedAt: number,
): void {
  const { type, attempt, startedAt } = record;
  if (status === "succeeded" && attempt === 1 && startedAt !== undefined)
    runTimes.succeeded(type, endedAt - startedAt);
}

/** The refusal by Redis is an outcome; an outage is not. */
export function refusalOf(error: unknown): StoreRefused {
  if (error instanceof StoreRefused) return error;
  throw error;
}

type Outcome = Pick<FinishInput, "ending"> & {
  readonly cause: string | undefined;
  readonly progress: Progress | undefined;
};

/**
 * The next attempt to store an outcome after a refusal: without its result, then without its progress.
 *
 * @throws the refusal when there is nothing to leave out
 */
function withLess({ ending, cause, progress }: Outcome, refusal: StoreRefused): Outcome {
  if (ending.result === undefined && progress === undefined) throw refusal;
  if (ending.result === undefined) return { ending, cause, progress: undefined };
  const rest = withoutResult(ending, refusal);
  return { ending: rest, cause: rest.error?.code, progress };
}

/** The ending in the form that can be stored: a failure stays what it is, a success cannot be kept. */
function withoutResult({ status, error }: Ending, refusal: StoreRefused): Ending {
  if (status !== "succeeded") return { status, ...(error && { error }) };
  return { status: "failed", error: unstorable(refusal, "result") };
}

/** The reason of a failed attempt whose outcome Redis refuses. */
export function unstorable(refusal: StoreRefused, what: string): Failure {
  const failure =
    refusal instanceof RequestTooLarge
      ? { code: "result-too-large", message: `The ${what} is larger than Redis takes in one request.` }
      : { code: "invalid-result", message: `The database refuses to store the ${what}.` };
  return { ...failure, retryable: false };
}

function failureOf({ status, error }: Ending): Failure | undefined {
  return status === "failed" ? error : undefined;
}

/**
 * The ending of a task whose deadline has passed, or will have before it could start again.
 *
 * @param failure the failure of its present attempt, if any
 */
export function expiry(record: TaskRecord, failure?: Failure): Ending {
  const started = record.attempt > 0;
  const lastFailure = lastFailureOf(record, failure);
  return {
    status: "expired",
    error: {
      code: started ? "deadline-exceeded" : "never-started",
      message: started
        ? "The deadline passed before the task succeeded."
        : "The deadline passed before the first attempt began.",
      retryable: false,
      ...(lastFailure && { lastFailure }),
    },
  };
}

/** The task keeps the error of the last attempt that failed; the present one, while it goes on, has not. */
function lastFailureOf({ status, attempt, error }: TaskRecord, failure = error): Failure["lastFailure"] {
  if (!failure) return undefined;
  const { code, message } = failure;
  return { code, message, attempt: failure === error && status !== "queued" ? attempt - 1 : attempt };
}
