import type { AcceptCommand, NewTask } from "../../ports/commands/task.ts";
import type { RequestContext } from "../../ports/dependencies.ts";
import type { UrlJudge } from "../../ports/fetcher.ts";
import type { SubmitStore } from "../../ports/stores/task-store.ts";
import type { Client } from "../../projects/principal.ts";
import type { FlowParts } from "../../scheduling/flow-control.ts";
import type { PublishParts } from "../../scheduling/publish.ts";
import type { CallParts } from "../../services/call-service.ts";
import { serviceNamed, traceForService } from "../../services/http-request.ts";
import { makeId, partitionOf } from "../../shared/id.ts";
import { type Idempotency, idempotencyOf, SUBMIT_PATH } from "../../shared/idempotency.ts";
import { DEFAULT_DEADLINE, DEFAULT_RETRIES, MAX_DELAY } from "../../shared/limits.ts";
import { ApiError, type ValidationError } from "../../shared/problems.ts";
import type { AnyTask } from "../../task.ts";
import type { ReadParts } from "../read/get-task.ts";
import { TERMINAL } from "../status.ts";
import { type CheckedInput, checkInput, urlsIn } from "./check-input.ts";

/** The parts that accepting a task uses. */
export type SubmitParts = FlowParts &
  PublishParts &
  CallParts &
  ReadParts &
  Pick<RequestContext, "background" | "clock" | "log" | "services" | "settings" | "tasks"> & {
    readonly store: SubmitStore;
    readonly fetcher: UrlJudge;
  };

/** A start may lie this much farther ahead than a year, because the client's clock is not ours. */
const CLOCK_TOLERANCE = 60_000;

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

/** Judges a client's submit, before any request to Redis. @throws ApiError */
export async function prepare(ctx: SubmitParts, caller: Client, submit: Submit): Promise<AcceptCommand> {
  const definition = ctx.tasks.get(submit.type);
  if (!definition) throw new ApiError("unknown-task-type", `There is no task type "${submit.type}" here.`);
  judgeStart(ctx, submit.notBefore);
  judgeCallback(ctx, submit.callbackUrl);
  judgeInput(ctx, definition, submit.input);
  const service = serviceNamed(ctx.services, submit.type, submit.input);
  const idempotency =
    submit.idempotency ??
    (await idempotencyOf(ctx.hashes, "POST", SUBMIT_PATH, submit.idempotencyKey, submit.canonical));
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

/** The trace that the task continues. */
export function traceOfSubmit({ trace, type, input }: Submit): string | undefined {
  return trace ?? traceForService(type, input);
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
