import type { FiguresStore } from "../ports/stores/figures-store.ts";
import type { ProjectStore } from "../ports/stores/project-store.ts";
import { isId } from "../shared/id.ts";
import { ApiError } from "../shared/problems.ts";
import { allProjects } from "./manage-projects.ts";
import type { ProjectAdmin } from "./principal.ts";

/** The parts that a list over all projects uses. */
export interface EveryProjectParts {
  readonly store: Pick<ProjectStore, "listProjects"> & FiguresStore;
}

/** Where a page begins, and how long it may be. */
export interface PageQuery {
  readonly limit: number;
  readonly cursor?: string;
}

interface Page<Item> {
  readonly data: readonly Item[];
  readonly nextCursor?: string;
}

/** Projects that one page looks into, and those whose figures it reads to find them. */
const VISITED = 10;
const CONSIDERED = 500;

/**
 * A page of a list over all projects, one project after the other, oldest project first. The cursor names the project,
 * and the place in its own list. Projects that have never had a task are passed over where `of` is `tasks`.
 *
 * @param pageOf one project's own page
 * @throws ApiError
 */
export async function listEveryProject<Item>(
  deps: EveryProjectParts,
  { limit, cursor }: PageQuery,
  of: "tasks" | "endpoints",
  pageOf: (admin: ProjectAdmin, query: PageQuery) => Promise<Page<Item>>,
): Promise<Page<{ readonly project: string; readonly item: Item }>> {
  const place = placeOf(cursor);
  const projects = await projectsFrom(deps, place?.project, of);
  const data: { readonly project: string; readonly item: Item }[] = [];
  for (const [index, project] of projects.visited.entries()) {
    const inner = place?.project === project ? place.cursor : undefined;
    const query = { limit: limit - data.length, ...(inner !== undefined && { cursor: inner }) };
    const page = await pageOrNone(() => pageOf({ kind: "project-admin", project }, query));
    data.push(...page.data.map((item) => ({ project, item })));
    if (page.nextCursor !== undefined) return { data, nextCursor: `${project}.${page.nextCursor}` };
    const next = projects.visited[index + 1];
    if (data.length >= limit && next !== undefined) return { data, nextCursor: next };
  }
  return { data, ...(projects.next !== undefined && { nextCursor: projects.next }) };
}

function placeOf(cursor: string | undefined): { project: string; cursor?: string } | undefined {
  if (cursor === undefined) return undefined;
  const dot = cursor.indexOf(".");
  const project = dot < 0 ? cursor : cursor.slice(0, dot);
  if (!isId("prj", project))
    throw new ApiError("malformed-parameter", "The cursor was not issued by this API.");
  return { project, ...(dot >= 0 && { cursor: cursor.slice(dot + 1) }) };
}

/** The next projects of a list, and the one after them. */
async function projectsFrom(deps: EveryProjectParts, from: string | undefined, of: "tasks" | "endpoints") {
  const ids: string[] = [];
  for await (const { id } of allProjects(deps)) if (from === undefined || id >= from) ids.push(id);
  ids.sort();
  if (of === "endpoints") return { visited: ids.slice(0, VISITED), next: ids[VISITED] };
  const considered = ids.slice(0, CONSIDERED);
  const { projects } = await deps.store.readFigures(considered);
  const used = considered.filter((_, index) => projects[index]?.lastHour !== undefined);
  return { visited: used.slice(0, VISITED), next: used[VISITED] ?? ids[CONSIDERED] };
}

/** A project whose making was cut off has a name and nothing else. */
async function pageOrNone<Item>(page: () => Promise<Page<Item>>): Promise<Page<Item>> {
  try {
    return await page();
  } catch (error) {
    if (error instanceof ApiError && NO_LIST.has(error.code)) return { data: [] };
    throw error;
  }
}

/** Why a project has no page: it is not there, or none of its tasks can be found by the filter. */
const NO_LIST: ReadonlySet<string> = new Set(["not-found", "metadata-not-searchable"]);
