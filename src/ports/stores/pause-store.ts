import type { TaskOptions } from "../../tasks/record.ts";

/** A task whose next attempt is held. */
export interface ParkedTask {
  readonly type: string;
  readonly task: string;
  /** Its place in the order. */
  readonly member: string;
}

/** What became of a parked task: its attempt is to be published, its type is paused still, or it is not held. */
export type UnparkAnswer =
  | { readonly kind: "run"; readonly run: number; readonly attempt: number; readonly options: TaskOptions }
  | { readonly kind: "paused" | "none" };

/** Keeps the tasks that a pause holds. */
export interface PauseStore {
  /** The next parked tasks of a project, at most 100, after a place in their order; empty: the first. */
  parkedTasks(project: string, after: string): Promise<readonly ParkedTask[]>;
  /** Lets parked tasks start whose type is not paused; in order. */
  unpark(project: string, tasks: readonly ParkedTask[]): Promise<readonly UnparkAnswer[]>;
  /** Notes that a resume is done, as far as its caller could; `more`: it has left some. */
  resumed(project: string, more: boolean): Promise<void>;
}
