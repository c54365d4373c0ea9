import type { Dependencies } from "../ports/dependencies.ts";
import type { Idempotency } from "../shared/idempotency.ts";
import { ApiError } from "../shared/problems.ts";
import { type ConfigureParts, configure } from "./configure.ts";
import type { Client } from "./principal.ts";
import { EVERY_TYPE, pausedName } from "./project-config.ts";

/** The paused task types of a project, or all of it. */
export interface Paused {
  readonly project: boolean;
  readonly types: readonly string[];
  readonly replayed: boolean;
}

/** The parts that a pause uses. */
export type PauseParts = ConfigureParts & Pick<Dependencies, "tasks">;

/**
 * Pauses or resumes a project, or one of its task types: the attempts of its tasks are held, or start again.
 *
 * @param type undefined: the whole project
 * @throws ApiError `not-found` for a type that this deployment does not offer
 */
export async function setPaused(
  deps: PauseParts,
  caller: Client,
  type: string | undefined,
  isPaused: boolean,
  idempotency?: Idempotency,
): Promise<Paused> {
  const name = type === undefined ? EVERY_TYPE : pausedName(type);
  const changed = await configure(deps, caller, { scope: "admin", idempotency }, async (config) => {
    const { paused = [], ...rest } = config;
    // A type that is no longer offered can still be resumed.
    if (type !== undefined && !deps.tasks.has(type) && !paused.includes(name)) {
      throw new ApiError("not-found", `There is no task type "${type}" here.`);
    }
    const others = paused.filter((one) => one !== name);
    const now = isPaused ? [...others, name].sort() : others;
    return {
      config: now.length > 0 ? { ...rest, paused: now } : rest,
      id: caller.project,
      same: isPaused && paused.includes(name),
      resumes: !isPaused,
    };
  });
  const { paused = [] } = changed.config;
  return {
    project: paused.includes(EVERY_TYPE),
    types: paused
      .filter((one) => one !== EVERY_TYPE)
      .map((one) => decodeURIComponent(one))
      .sort(),
    replayed: changed.replayed,
  };
}
