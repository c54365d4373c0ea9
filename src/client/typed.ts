import type { TypedTask } from "../shared/schema/typed-task.ts";
import type { HttpRequest, HttpResult, TaskRequest, WireTask } from "./types.ts";

/** Task types: a deployment's own list, of which the client uses the type alone (`typeof tasks`). */
export type TaskTypes = readonly TypedTask[];

/** One of a deployment's task types: its own, or the one that every gateway offers. */
type Offered<Types extends TaskTypes> = Types[number] | TypedTask<"http.request", HttpRequest, HttpResult>;

/** The names of a deployment's task types. */
export type TypeName<Types extends TaskTypes> = Offered<Types>["type"];

/** The input of a task type, as clients send it. */
export type InputOf<Types extends TaskTypes, Name> = InputIn<Offered<Types>, Name>;
type InputIn<One, Name> =
  One extends TypedTask<infer Type, infer Input, infer _Result> ? (Name extends Type ? Input : never) : never;

/** The result of a task type, as clients read it. */
export type ResultOf<Types extends TaskTypes, Name> = ResultIn<Offered<Types>, Name>;
type ResultIn<One, Name> =
  One extends TypedTask<infer Type, infer _Input, infer Result>
    ? Name extends Type
      ? Result
      : never
    : never;

/** A task as the gateway answers it, with the result of its type. */
export type Task<Result = unknown> = Omit<WireTask, "result"> & {
  /** The handler's return value, once it succeeded and while it is kept. */
  readonly result?: Result;
};

/** A task: its id, or what a call returned. */
export type TaskRef<Result = unknown> = string | { readonly id: string; readonly result?: Result };

/** The fields of a new task that have a default. */
export type TaskSettings = Omit<TaskRequest, "type" | "input">;

/** A task of a batch. */
export type BatchItem<Types extends TaskTypes> = ItemOf<Types, TypeName<Types>>;
type ItemOf<Types extends TaskTypes, Name> = Name extends string
  ? TaskSettings & {
      readonly type: Name;
      readonly input: InputOf<Types, Name>;
      /** Repeated, it names the same task; the client makes one for the whole batch otherwise. */
      readonly idempotencyKey?: string;
    }
  : never;
