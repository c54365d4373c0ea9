import { makeId, partitionOf } from "../domain/id.ts";
import { DEFAULT_DEADLINE, DEFAULT_RETRIES } from "../domain/limits.ts";
import { type Fault, Refusal } from "../domain/problems.ts";
import type { DeliveryRecord, TaskRecord } from "../domain/record.ts";
import { TERMINAL } from "../domain/status.ts";
import type { AnyTask } from "../task.ts";
import type { Caller } from "./caller.ts";
import { denied } from "./denied.ts";
import { runMessage } from "./fair-use.ts";
import { idempotencyOf, SUBMIT_PATH } from "./idempotency.ts";
import { checkInput } from "./input.ts";
import { lookTask } from "./lookup.ts";
import type { Invocation } from "./parts.ts";
import { publish } from "./publish.ts";
import type { NewTask, RateState } from "./task-commands.ts";

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
  readonly traceparent?: string;
  /** The parsed body, for the fingerprint. */
  readonly canonical: unknown;
  /** The task's changes are told for so many milliseconds; `begin` is given its id before it is sent. */
  readonly watch?: { readonly length: number; begin(id: string): void };
}

export interface Accepted {
  readonly record: TaskRecord;
  /** Redis time, milliseconds. */
  readonly now: number;
  /** The idempotency key named a task that was accepted before. */
  readonly replayed: boolean;
  readonly rate?: RateState;
  readonly delivery?: DeliveryRecord;
}

/** Accepts a task: one Redis request, then the answer; the publish starts at once and holds nothing up. @throws Refusal */
export async function accept(inv: Invocation, caller: Caller, submit: Submit): Promise<Accepted> {
  const definition = inv.tasks.get(submit.type);
  if (!definition) throw new Refusal("unknown-task-type", `There is no task type "${submit.type}" here.`);
  judgeCallback(inv, submit.callbackUrl);
  judgeInput(inv, definition, submit.input);
  const idempotency = await idempotencyOf("POST", SUBMIT_PATH, submit.idempotencyKey, submit.canonical);
  const task = newTask(inv, caller.project, definition, submit);
  submit.watch?.begin(task.id);
  const answer = await inv.store.accept({
    caller,
    task,
    rateLimit: inv.settings.rateLimit,
    maxOpen: inv.settings.maxOpen,
    ...(idempotency && { idempotency }),
    ...(submit.watch && { watch: submit.watch.length }),
  });
  switch (answer.kind) {
    case "accepted":
      inv.background.waitUntil(publishRun(inv, answer.record, answer.now));
      return { record: answer.record, now: answer.now, replayed: false, rate: answer.rate };
    case "replayed":
      return { ...(await lookTask(inv, caller, answer.id, { result: true })), replayed: true };
    case "reused":
      throw new Refusal(
        "idempotency-key-reused",
        `This Idempotency-Key belongs to another request, which made ${answer.id}.`,
      );
    case "rate-limited":
      throw new Refusal(
        "rate-limited",
        `This project may submit ${inv.settings.rateLimit} tasks per second.`,
        {
          retryAfter: answer.retryAfter,
          rate: { remaining: 0, reset: answer.retryAfter },
        },
      );
    case "quota":
      throw new Refusal(
        "quota-exceeded",
        `This project has ${inv.settings.maxOpen} tasks that have not ended.`,
        {
          retryAfter: 10_000,
          rate: { remaining: 0, reset: 10_000 },
        },
      );
    default:
      throw denied(answer, "tasks:write");
  }
}

function judgeCallback(inv: Invocation, url: string | undefined): void {
  const unsafe = url === undefined ? undefined : inv.fetcher.judge(url);
  if (!unsafe) return;
  throw new Refusal("unsafe-callback-url", unsafe.detail, {
    errors: [{ pointer: "#/callbackUrl", detail: unsafe.detail }],
  });
}

function judgeInput(inv: Invocation, definition: AnyTask, input: unknown): void {
  const checked = checkInput(definition, input);
  if (!checked.ok)
    throw new Refusal("invalid-request", "The input does not fit the task type.", { errors: checked.faults });
  const unsafe: Fault[] = Object.entries(definition.urls?.(checked.value) ?? {}).flatMap(([pointer, url]) => {
    const verdict = inv.fetcher.judge(url);
    return verdict ? [{ pointer: `#/input${pointer}`, detail: verdict.detail }] : [];
  });
  if (unsafe[0]) throw new Refusal("unsafe-url", unsafe[0].detail, { errors: unsafe });
}

function newTask(inv: Invocation, project: string, definition: AnyTask, submit: Submit): NewTask {
  const id = makeId("task", inv.clock(), partitionOf(project), crypto.getRandomValues(new Uint8Array(8)));
  const { callbackUrl, timeout, heartbeatTimeout, resultTtl, concurrencyKey } = submit;
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
    ...(submit.traceparent !== undefined && { traceparent: submit.traceparent }),
    start: submit.notBefore === undefined ? { delay: submit.delay ?? 0 } : { at: submit.notBefore },
  };
}

async function publishRun(inv: Invocation, record: TaskRecord, now: number): Promise<void> {
  return publish(inv, await runMessage(inv, record, 1, Math.max(0, record.startsAt - now)));
}
