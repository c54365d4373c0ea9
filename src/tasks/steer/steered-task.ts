import type { ConfigStore } from "../../ports/stores/project-store.ts";
import type { TaskReadStore } from "../../ports/stores/task-store.ts";
import type { StoredConfig } from "../../projects/caller.ts";
import { denied } from "../../projects/denied.ts";
import { type Client, system } from "../../projects/principal.ts";
import { isId } from "../../shared/id.ts";
import { ApiError } from "../../shared/problems.ts";
import type { Settings } from "../../shared/settings.ts";
import { type FoundTask, getTask, type ReadParts } from "../read/get-task.ts";
import type { TaskStatus } from "../status.ts";

/** The parts that steering a task uses. */
export type SteerParts = ReadParts & { readonly store: ConfigStore & TaskReadStore };

/** A task after it was steered; `replayed`: the same idempotency key had steered it before. */
export type SteeredTask = FoundTask & { readonly replayed: boolean };

/** Reads a task for a key that may steer it. @throws ApiError */
export async function readOwn(ctx: SteerParts, caller: Client, id: string) {
  if (!isId("task", id)) throw missing(id);
  const [allowed, found] = await Promise.all([
    ctx.store.readConfig(caller, "tasks:write"),
    ctx.store.readTask(system(caller.project), id),
  ]);
  if (allowed.kind !== "found" && allowed.kind !== "missing") throw denied(allowed, "tasks:write");
  if (found.kind !== "found") throw missing(id);
  const config: StoredConfig = allowed.kind === "found" ? allowed.config : { version: 0, json: "{}" };
  return { record: found.record, now: found.now, config };
}

/** The task as it is now, for a caller whose key has been checked. */
export function look(ctx: SteerParts, { project }: Client, id: string): Promise<FoundTask> {
  return getTask(ctx, system(project), id, { result: true });
}

export function alreadyEnded(status: TaskStatus): ApiError {
  const members = { taskStatus: status };
  return new ApiError("task-already-ended", `The task has already ended: it is ${status}.`, { members });
}

/** The refusal says where the task is canceled. */
export function notEnded({ publicUrl }: Pick<Settings, "publicUrl">, id: string): ApiError {
  const self = `${publicUrl}/v1/tasks/${id}`;
  const members = { links: { self, cancel: `${self}/cancel` } };
  const detail = `Task "${id}" has not ended: cancel it, or wait for its end.`;
  return new ApiError("task-not-ended", detail, { members });
}

export function missing(id: string): ApiError {
  return new ApiError("not-found", `There is no task "${id}" in this project.`);
}

export function keptChanging(id: string): Error {
  return new Error(`Task ${id} kept changing while it was steered.`);
}
