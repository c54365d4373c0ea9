import { asksFor } from "../../events/task-events.ts";
import type { AcceptAnswer, AcceptCommand, NewTask, RateState } from "../../ports/commands/task.ts";
import type { RequestContext } from "../../ports/dependencies.ts";
import type { UrlJudge } from "../../ports/fetcher.ts";
import type { QueueMessage } from "../../ports/queue.ts";
import type { SubmitStore } from "../../ports/task-store.ts";
import type { Scope, StoredConfig } from "../../projects/caller.ts";
import { denied } from "../../projects/denied.ts";
import { type Client, system } from "../../projects/principal.ts";
import { type FlowParts, runMessage } from "../../scheduling/flow-control.ts";
import { type PublishParts, publish } from "../../scheduling/publish.ts";
import { type CallParts, callFirst } from "../../services/call-service.ts";
import { HTTP_REQUEST, serviceNamed, traceForService } from "../../services/http-request.ts";
import { makeId, partitionOf } from "../../shared/id.ts";
import {
  type Idempotency,
  idempotencyOf,
  madeErased,
  reused,
  SUBMIT_PATH,
} from "../../shared/idempotency.ts";
import { DEFAULT_DEADLINE, DEFAULT_RETRIES, IMMEDIATE_LEASE_MARGIN, MAX_DELAY } from "../../shared/limits.ts";
import { ApiError, type ValidationError } from "../../shared/problems.ts";
import { continued, inSpan } from "../../shared/tracing.ts";
import type { AnyTask } from "../../task.ts";
import { attemptFields } from "../log-fields.ts";
import { getTask, type ReadParts } from "../read/get-task.ts";
import type { DeliveryRecord, TaskRecord } from "../record.ts";
import { type RunParts, runLeased } from "../run/run-attempt.ts";
import { TERMINAL } from "../status.ts";
import { type CheckedInput, checkInput, urlsIn } from "./check-input.ts";
import { type ImmediateStarts, immediateLease } from "./immediate-start.ts";

/** The parts that accepting a task uses. */
export type SubmitParts = FlowParts &
  PublishParts &
  CallParts &
  ReadParts &
  Pick<RequestContext, "background" | "clock" | "log" | "services" | "settings" | "tasks"> & {
    readonly store: SubmitStore;
    readonly fetcher: UrlJudge;
  };

/** The parts that accepting one task uses, whose first attempt may begin at once. */
export type AcceptParts = SubmitParts & RunParts & { readonly immediate: ImmediateStarts };

/** A start may lie this much farther ahead than a year, because the client's clock is not ours. */
const CLOCK_TOLERANCE = 60_000;

/** How soon a client over its quota of open tasks should ask again: the end of a task cannot be predicted. */
const QUOTA_RETRY = 10_000;

/** A task as the client asks for it; durations and times in milliseconds. */
export interface Submit {
  readonly type: string;
  readonly input: unknown;
  readonly callbackUrl?: string;
  readonly callbackEvents?: readonly string[];
  readonly delay?: number;
  readonly notBefore?: number;
  readonly deadline?: number;
  readonly retries?: number;
  readonly timeout?: number;
  readonly heartbeatTimeout?: number;
  readonly concurrencyKey?: string;
  readonly resultTtl?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  /** As the client meant it, without quotes. */
  readonly idempotencyKey?: string;
  /** In place of the key: the hash of a request to another address. */
  readonly idempotency?: Idempotency;
  /** `traceparent`, and after a space `tracestate`. */
  readonly trace?: string;
  /** The parsed body, for the fingerprint. */
  readonly canonical: unknown;
  /** Also a type with an immediate start goes through the queue: the caller has no time after its answer. */
  readonly queued?: boolean;
  /** The task's changes are published for so many milliseconds; `begin` gets its id before it is sent. */
  readonly watch?: { readonly length: number; begin(id: string): void };
}

export interface Accepted {
  readonly record: TaskRecord;
  /** Redis time, milliseconds. */
  readonly now: number;
  /** The idempotency key named a task that was accepted before. */
  readonly replayed: boolean;
  readonly rate?: RateState;
  /** Whether an endpoint of the project subscribes to every start. */
  readonly startsTold?: boolean;
  /** The project, or the type of the task, is paused. */
  readonly paused?: boolean;
  /** The configuration of the project, if this caller holds the lease of the first attempt. */
  readonly begun?: StoredConfig;
  readonly delivery?: DeliveryRecord;
}

/**
 * Accepts a task: one Redis request, then the answer; its first attempt, or the publish of it, starts at once and holds
 * nothing up.
 *
 * @throws ApiError
 */
export function accept(ctx: AcceptParts, caller: Client, submit: Submit): Promise<Accepted> {
  const attributes = { "ringback.task.type": submit.type };
  return inSpan(
    "submit task",
    { kind: "producer", parent: continued(traceOfSubmit(submit)), attributes },
    async (trace, span) => {
      const accepted = await acceptTraced(ctx, caller, { ...submit, ...(trace !== undefined && { trace }) });
      span?.setAttribute("ringback.task.id", accepted.record.id);
      return accepted;
    },
  );
}

function traceOfSubmit({ trace, type, input }: Submit): string | undefined {
  return trace ?? traceForService(type, input);
}

async function acceptTraced(ctx: AcceptParts, caller: Client, submit: Submit): Promise<Accepted> {
  const command = await prepare(ctx, caller, submit);
  const lease = immediateLease(ctx.tasks.get(submit.type), submit);
  const giveBack = lease && ctx.immediate.take(lease.length);
  let work: Promise<void> | undefined;
  try {
    submit.watch?.begin(command.task.id);
    const sent = ctx.clock();
    const answer = await ctx.store.accept(giveBack ? { ...command, lease } : command);
    if (answer.kind === "replayed") {
      // A key may see the task that it has submitted, even without tasks:read.
      return { ...(await getTask(ctx, system(caller.project), answer.id, { result: true })), replayed: true };
    }
    const accepted = settle(answer, command.scope);
    const { input } = command.task;
    work =
      lease && accepted.begun
        ? begin(ctx, { ...accepted, config: accepted.begun }, { lease, input, sent })
        : start(ctx, accepted, input);
    ctx.background.waitUntil(work.finally(giveBack));
    return accepted;
  } finally {
    if (!work) giveBack?.();
  }
}

/** Runs the first attempt, which this caller has leased, as soon as the answer is on its way. */
async function begin(
  ctx: AcceptParts,
  { record, config, now }: Accepted & { readonly config: StoredConfig },
  { lease, input, sent }: { readonly lease: { readonly id: string }; input: string; sent: number },
): Promise<void> {
  const answered = ctx.clock();
  if (answered - sent >= IMMEDIATE_LEASE_MARGIN) {
    // The lease may end before the attempt's timeout: the sweep sees to it.
    ctx.log("info", "lease-lost", attemptFields(record));
    return;
  }
  await new Promise((resolve) => setTimeout(resolve, 0));
  const leased = { record: { ...record, input: { ...record.input, json: input } }, config, now };
  await runLeased(
    ctx,
    leased,
    { id: lease.id, fixed: true },
    {
      byQueue: () => !ctx.immediate.mayCall(answered),
    },
  );
}

/** Judges a client's submit, before any request to Redis. @throws ApiError */
export async function prepare(ctx: SubmitParts, caller: Client, submit: Submit): Promise<AcceptCommand> {
  const definition = ctx.tasks.get(submit.type);
  if (!definition) throw new ApiError("unknown-task-type", `There is no task type "${submit.type}" here.`);
  judgeStart(ctx, submit.notBefore);
  judgeCallback(ctx, submit.callbackUrl);
  judgeInput(ctx, definition, submit.input);
  const service = serviceNamed(ctx.services, submit.type, submit.input);
  const idempotency =
    submit.idempotency ?? (await idempotencyOf("POST", SUBMIT_PATH, submit.idempotencyKey, submit.canonical));
  return {
    caller,
    task: newTask(
      ctx,
      caller.project,
      { ...(service && { retries: service.retries }), ...definition },
      submit,
    ),
    rateLimit: ctx.settings.rateLimit,
    maxOpen: ctx.settings.maxOpen,
    ...(idempotency && { idempotency }),
    ...(service && { scope: `service:${service.name}` as const }),
    ...(submit.watch && { watch: submit.watch.length }),
  };
}

/** Publishes the first run; a service that may be called at once is called directly. */
async function start(ctx: SubmitParts, accepted: Accepted, input: string): Promise<void> {
  const { record, now, startsTold, paused } = accepted;
  const announced = startsTold || asksFor(record, "task.started");
  if (record.type === HTTP_REQUEST && record.startsAt <= now && !announced && !paused) {
    return callFirst(ctx, record, input, now);
  }
  await publish(ctx, await firstRun(ctx, accepted));
}

/** Turns the answer of Redis into an accepted task. @throws ApiError when it was not accepted */
export function settle(
  answer: Exclude<AcceptAnswer, { kind: "replayed" }>,
  scope: Scope = "tasks:write",
): Accepted {
  switch (answer.kind) {
    case "accepted": {
      const { kind: _kind, ...accepted } = answer;
      return { ...accepted, replayed: false };
    }
    case "reused":
      throw reused(answer.id);
    case "erased":
      throw madeErased(answer.id);
    case "rate-limited": {
      const { limit, retryAfter } = answer;
      const rate = { limit, remaining: 0, reset: retryAfter };
      throw new ApiError("rate-limited", `This project may submit ${limit} tasks per second.`, {
        retryAfter,
        rate,
      });
    }
    case "key-required":
      throw new ApiError(
        "idempotency-key-required",
        "This project accepts a task only with an Idempotency-Key, so that a repetition is no second task.",
      );
    case "too-large":
      throw new ApiError("payload-too-large", "The task is larger than Redis takes in one request.");
    case "quota": {
      const { quota, rate } = answer;
      throw new ApiError("quota-exceeded", `This project has ${quota} tasks that have not ended.`, {
        retryAfter: QUOTA_RETRY,
        rate,
        open: quota,
      });
    }
    default:
      throw denied(answer, scope);
  }
}

/** The message for a new task's first attempt. */
export function firstRun(ctx: SubmitParts, { record, now }: Accepted): Promise<QueueMessage> {
  return runMessage(ctx, record, 1, Math.max(0, record.startsAt - now));
}

function judgeStart(ctx: SubmitParts, notBefore: number | undefined): void {
  if (notBefore === undefined || notBefore <= ctx.clock() + MAX_DELAY + CLOCK_TOLERANCE) return;
  throw new ApiError("invalid-request", "The body does not fit its schema.", {
    errors: [{ pointer: "#/notBefore", detail: "lies more than 365d ahead" }],
  });
}

function judgeCallback(ctx: SubmitParts, url: string | undefined): void {
  const unsafe = url === undefined ? undefined : ctx.fetcher.checkUrl(url);
  if (!unsafe) return;
  throw new ApiError("unsafe-callback-url", unsafe.detail, {
    errors: [{ pointer: "#/callbackUrl", detail: unsafe.detail }],
  });
}

function judgeInput(ctx: SubmitParts, definition: AnyTask, input: unknown): void {
  const checked = checkInput(definition, input);
  if (!checked.ok) throw unfit(ctx, definition, checked);
  const named = urlsIn(definition, checked.value);
  if (!named.ok) throw unfit(ctx, definition, named);
  const unsafe: ValidationError[] = named.urls.flatMap(([pointer, url]) => {
    const verdict = ctx.fetcher.checkUrl(url);
    return verdict ? [{ pointer: `#/input${pointer}`, detail: verdict.detail }] : [];
  });
  if (unsafe[0]) throw new ApiError("unsafe-url", unsafe[0].detail, { errors: unsafe });
}

/** A type whose schema fails refuses only this input; the log says why, because the client cannot repair it. */
function unfit(
  ctx: SubmitParts,
  { type }: AnyTask,
  { faults, failure }: Extract<CheckedInput, { ok: false }>,
): ApiError {
  if (failure !== undefined) ctx.log("error", "schema-failed", { type, error: failure });
  return new ApiError("invalid-request", "The input does not fit the task type.", { errors: faults });
}

function newTask(ctx: SubmitParts, project: string, definition: AnyTask, submit: Submit): NewTask {
  const id = makeId("task", ctx.clock(), partitionOf(project), crypto.getRandomValues(new Uint8Array(8)));
  const { callbackUrl, timeout, heartbeatTimeout, resultTtl, concurrencyKey } = submit;
  const trace = traceOfSubmit(submit);
  return {
    id,
    type: submit.type,
    maxAttempts: (submit.retries ?? definition.retries ?? DEFAULT_RETRIES) + 1,
    input: JSON.stringify(submit.input),
    metadata: submit.metadata ?? {},
    options: {
      deadline: submit.deadline ?? DEFAULT_DEADLINE,
      ...(timeout !== undefined && { timeout }),
      ...(heartbeatTimeout !== undefined && { heartbeatTimeout }),
      ...(resultTtl !== undefined && { resultTtl }),
      ...(concurrencyKey !== undefined && { concurrencyKey }),
    },
    ...(callbackUrl !== undefined && {
      callback: {
        url: callbackUrl,
        events: submit.callbackEvents ?? TERMINAL.map((status) => `task.${status}`),
      },
    }),
    ...(trace !== undefined && { trace }),
    start:
      submit.notBefore === undefined
        ? { kind: "delay", delay: submit.delay ?? 0 }
        : { kind: "at", at: submit.notBefore },
  };
}
