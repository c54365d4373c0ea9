import type * as z from "zod/v4/core";
import type { Json, TypedTask } from "./shared/schema/typed-task.ts";

// Parsers for handlers: durations such as `10s` and an upstream's `Retry-After`. A task type imports nothing
// but this file.
// biome-ignore lint/performance/noBarrelFile: the public face of task types, not a barrel
export { parseDuration } from "./shared/time/duration.ts";
export { parseRetryAfter } from "./shared/time/retry-after.ts";

/** The arguments of a handler. */
export interface TaskContext<Input> {
  /** The task's input, as the type's schema returned it. */
  readonly input: Input;
  /**
   * Aborts when the task is canceled, when its deadline or this attempt's timeout passes, and when the lease is lost.
   */
  readonly signal: AbortSignal;
  /** 1 on the first attempt. */
  readonly attempt: number;
  /** `task.run`: the same on every attempt of one run; pass it to a call that must happen only once. */
  readonly idempotencyKey: string;
  readonly task: {
    readonly id: string;
    readonly type: string;
    readonly run: number;
    readonly project: string;
    readonly createdAt: Date;
    readonly deadlineAt: Date;
    readonly metadata: Readonly<Record<string, string>>;
  };
  /**
   * The right of another program to finish this attempt, after the handler has returned {@link wait}: the token for
   * `Authorization: Bearer` on `POST /v1/tasks/{id}/progress | heartbeat | complete | fail`.
   */
  readonly token: string;
  /** The same right as an address: any JSON posted there becomes the result. Paste it into a `webhook` field. */
  readonly completionUrl: string;
  /** Says how far the work is; written at most once a second, the newest wins. */
  progress(progress: { percent?: number; message?: string }): void;
  /** The guarded fetch: refuses unsafe addresses, judges every redirect. Use it for each URL that a client supplied. */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>;
}

/** How a task type is declared. */
export interface TaskDefinition<Schema extends z.$ZodType, Result, Type extends string = string> {
  /** `noun.verb`: the `type` that clients send. */
  readonly type: Type;
  /** One sentence for the reference. */
  readonly summary?: string;
  /** Checks the input when the task is submitted, and again before every attempt. */
  readonly input: Schema;
  /** The schema of the result, for the reference. Results are not checked against it. */
  readonly result?: z.$ZodType<unknown, Result>;
  /** Milliseconds that one attempt may take; 60 s unless set, 10 min at most. */
  readonly timeout?: number;
  /** Attempts after the first; 3 unless set. */
  readonly retries?: number;
  /** Milliseconds that a waiting task may be silent, unless the client or {@link wait} says otherwise. */
  readonly heartbeatTimeout?: number;
  /** Attempts that run at a time, across all projects; unlimited unless set. */
  readonly concurrency?: number;
  /**
   * `immediate`: the first attempt runs right after the 202, where the task was accepted, and costs no message of the
   * queue. For short, frequent work: the timeout must be 25 s at most, without `concurrency` and `rate`. `queue` unless
   * set.
   */
  readonly start?: "queue" | "immediate";
  /** Attempts begun within `period` (milliseconds, whole seconds of them, 1 s unless set, at most 7 days). */
  readonly rate?: { readonly limit: number; readonly period?: number };
  /** Every URL in the input, by JSON pointer into it, so that unsafe ones are refused at submit. */
  urls?(input: z.output<Schema>): Readonly<Record<string, string>>;
  /**
   * Does the work, or hands it on and returns {@link wait}; its value, as JSON, is the task's result (`undefined`:
   * succeeded with none). Throw {@link TaskError} to say why it failed; anything else that is thrown is a retryable
   * `handler-failed`.
   */
  handler(context: TaskContext<z.output<Schema>>): Promise<Result | Waiting> | Result | Waiting;
}

// A registry holds task types of every input and result.
export type AnyTask = TaskDefinition<z.$ZodType, unknown>;

/**
 * A declared task type. Its name, the input that clients send and the result that they read, as JSON, are part of the
 * type, so that `typeof tasks` types a client.
 */
export interface Task<Type extends string = string, Input = unknown, Result = unknown>
  extends TaskDefinition<z.$ZodType, unknown, Type>,
    TypedTask<Type, Input, Result> {}

/**
 * Declares a task type.
 *
 * @example
 * ```ts
 * export const shout = defineTask({
 *   type: "text.shout",
 *   input: z.strictObject({ text: z.string() }),
 *   handler: ({ input }) => ({ text: input.text.toUpperCase() }),
 * });
 * ```
 */
export function defineTask<const Type extends string, Schema extends z.$ZodType, Result>(
  definition: TaskDefinition<Schema, Result, Type>,
): Task<Type, z.input<Schema>, Json<Result>> {
  // The registry validates the input with this definition's own schema.
  return definition as unknown as Task<Type, z.input<Schema>, Json<Result>>;
}

/** The return value of a handler that has handed its work on: the task waits for the bearer of its token. */
export class Waiting {
  readonly heartbeat: number | undefined;

  constructor(heartbeat: number | undefined) {
    this.heartbeat = heartbeat;
  }
}

/**
 * Leaves the task `waiting` until the bearer of its token completes or fails it, or its deadline passes. The bearer
 * may be faster than this: it may report as soon as it has the token.
 *
 * @param options `heartbeat`: milliseconds that the bearer may be silent before the attempt counts as failed; by
 * default the client's `heartbeatTimeout`, else the task type's, else for ever
 *
 * @example
 * ```ts
 * async handler({ input, fetch, completionUrl }) {
 *   await fetch("https://gpu.example.com/predictions", {
 *     method: "POST",
 *     body: JSON.stringify({ input, webhook: completionUrl }),
 *   });
 *   return wait();
 * }
 * ```
 */
export function wait(options: { heartbeat?: number } = {}): Waiting {
  return new Waiting(options.heartbeat);
}

/** A failure that the client sees as it is: a stable code, a sentence, and whether another attempt may help. */
export class TaskError extends Error {
  override readonly name = "TaskError";
  readonly code: string;
  readonly retryable: boolean;
  /** Milliseconds to wait before the next attempt, when the failing side said so. */
  readonly retryAfter: number | undefined;

  constructor(
    code: string,
    message: string,
    options: { retryable?: boolean; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? true;
    this.retryAfter = options.retryAfter;
  }
}
