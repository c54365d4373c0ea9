import type { Answer, CallOptions, ChangeOptions, Connection } from "./connection.ts";
import { type EventOptions, type TaskEvent, taskEvents } from "./events.ts";
import { items } from "./pages.ts";
import type {
  BatchItem,
  InputOf,
  ResultOf,
  Task,
  TaskRef,
  TaskSettings,
  TaskTypes,
  TypeName,
} from "./typed.ts";
import type { Problem, TaskStatus } from "./types.ts";
import { type WaitOptions, waitForEnd } from "./wait.ts";

export interface SubmitOptions extends TaskSettings, ChangeOptions {
  /** Seconds for which the answer may wait for the task's end, at most 25: it is then the ended task. */
  readonly wait?: number;
  /** W3C Trace Context, which goes on to the callbacks. */
  readonly traceparent?: string;
  readonly tracestate?: string;
}

export interface TaskFilter<Name> extends CallOptions {
  readonly type?: Name;
  readonly status?: TaskStatus;
  /** By keys that the project has named searchable. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly createdAfter?: string | Date;
  readonly createdBefore?: string | Date;
  /** Items per page, 1 to 100. */
  readonly limit?: number;
}

/** The outcome of one task of a batch: it was accepted, or refused. */
export interface BatchOutcome<Result = unknown> {
  readonly status: number;
  readonly task?: Task<Result>;
  readonly replayed?: true;
  readonly problem?: Problem;
}

export interface BatchOptions extends ChangeOptions {
  /** Is called once, when every accepted task of the batch has ended. */
  readonly callbackUrl?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface SubmittedBatch<Result = unknown> {
  /** One per task, in order. */
  readonly data: readonly BatchOutcome<Result>[];
  /** With `callbackUrl` or `metadata`. */
  readonly batch?: { readonly id: string };
}

/** The calls that are about tasks. */
export class Tasks<Types extends TaskTypes> {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Submits a task. The gateway keeps it before it answers. */
  async submit<const Name extends TypeName<Types>>(
    type: Name,
    input: InputOf<Types, Name>,
    options: SubmitOptions = {},
  ): Promise<Task<ResultOf<Types, Name>>> {
    const { signal, idempotencyKey, wait, traceparent, tracestate, ...settings } = options;
    return await this.#connection.json("POST", "/v1/tasks", {
      signal,
      idempotencyKey,
      wait,
      headers: { ...(traceparent && { traceparent }), ...(tracestate && { tracestate }) },
      body: { type, input, ...settings },
    });
  }

  /** Submits up to 100 tasks; each is accepted or refused on its own. When none is accepted, the call fails. */
  async submitBatch(
    tasks: readonly BatchItem<Types>[],
    { signal, idempotencyKey, ...options }: BatchOptions = {},
  ): Promise<SubmittedBatch<ResultOf<Types, TypeName<Types>>>> {
    const call = { signal, idempotencyKey, body: { tasks, ...options } };
    return await this.#connection.json("POST", "/v1/tasks/batch", call);
  }

  /** Reads a task. */
  async get<Result>(
    task: TaskRef<Result>,
    { include, ...options }: CallOptions & { readonly include?: "input" } = {},
  ): Promise<Task<Result>> {
    return await this.#connection.json("GET", pathOf(task), { ...options, query: { include } });
  }

  /** Waits until a task has ended, well or badly, and gives it. */
  wait<Result>(task: TaskRef<Result>, options: WaitOptions = {}): Promise<Task<Result>> {
    return waitForEnd(this.#connection, pathOf(task), options);
  }

  /**
   * Waits until a task has ended, and gives its bare result; undefined where it has none.
   *
   * @throws RingbackError `task-not-succeeded`, `result-expired`
   */
  async result<Result>(task: TaskRef<Result>, options: WaitOptions = {}): Promise<Result> {
    for (;;) {
      await this.wait(task, options);
      const call = { signal: options.signal };
      const answer: Answer<Result> = await this.#connection.send("GET", `${pathOf(task)}/result`, call);
      if (answer.status !== 202) return answer.body; // else it was replayed in between
    }
  }

  /** The events of a task, those that were and those to come, until it has ended. */
  events(task: TaskRef, options: EventOptions = {}): AsyncGenerator<TaskEvent, void, void> {
    return taskEvents(this.#connection, `${pathOf(task)}/events`, options);
  }

  /** Cancels a task that has not ended. */
  cancel<Result>(task: TaskRef<Result>, options: ChangeOptions = {}): Promise<Task<Result>> {
    return this.#change(task, "cancel", options);
  }

  /** Runs an ended task again. */
  replay<Result>(task: TaskRef<Result>, options: ChangeOptions = {}): Promise<Task<Result>> {
    return this.#change(task, "replay", options);
  }

  /** Erases an ended task and everything about it. */
  async delete(task: TaskRef, options: CallOptions = {}): Promise<void> {
    await this.#connection.send("DELETE", pathOf(task), options);
  }

  /** The project's tasks, newest first. */
  list<Name extends TypeName<Types> = TypeName<Types>>({
    signal,
    ...filter
  }: TaskFilter<Name> = {}): AsyncGenerator<Task<ResultOf<Types, Name>>, void, void> {
    return items(this.#connection, "/v1/tasks", filter, { signal });
  }

  async #change<Result>(task: TaskRef<Result>, verb: string, options: ChangeOptions): Promise<Task<Result>> {
    return await this.#connection.json("POST", `${pathOf(task)}/${verb}`, options);
  }
}

function pathOf(task: TaskRef): string {
  return `/v1/tasks/${encodeURIComponent(typeof task === "string" ? task : task.id)}`;
}
