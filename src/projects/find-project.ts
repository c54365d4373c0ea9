import type { ProjectStore } from "../ports/stores/project-store.ts";
import { ApiError } from "../shared/problems.ts";

/** How many projects a process remembers; a project stays what it is, so that none has to be forgotten. */
const REMEMBERED = 1_000;

/** Finds the id of a project by its id or its name. @throws ApiError `unknown-project` */
export type FindProject = (wanted: string) => Promise<string>;

/** Asks Redis once for each project. */
export function projectFinder(store: Pick<ProjectStore, "findProject">): FindProject {
  const known = new Map<string, string>();
  return async (wanted) => {
    const id = known.get(wanted) ?? (await store.findProject(wanted))?.id;
    if (id === undefined) {
      throw new ApiError(
        "unknown-project",
        `There is no project "${wanted}": create it with an API key first.`,
      );
    }
    if (known.size < REMEMBERED) known.set(wanted, id);
    return id;
  };
}
