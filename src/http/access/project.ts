import type { Context } from "hono";
import type { Dependencies } from "../../ports/dependencies.ts";
import type { Admin, Client } from "../../projects/principal.ts";
import { isId } from "../../shared/id.ts";
import { ApiError } from "../../shared/problems.ts";
import type { Env, Route } from "../pipeline/route.ts";

/** A client, or the admin who names no project at a route that answers over all of them. */
export type KeyBearer = Client | Admin;

/**
 * The admin in the project that `Ringback-Project` names, by its id or its percent-encoded name; without the header, the
 * admin of the deployment, where the route answers over all projects. The script that does the work finds out whether an
 * id is one.
 *
 * @throws ApiError `project-required`, `malformed-parameter` or `not-found`
 */
export async function adminOf(
  c: Context<Env>,
  route: Route,
  { store }: Pick<Dependencies, "store">,
): Promise<KeyBearer> {
  const given = c.req.header("Ringback-Project");
  if (!given) {
    if (route.handleEveryProject) return { kind: "admin" };
    throw projectRequired();
  }
  const wanted = decoded(given);
  if (wanted === undefined) {
    throw new ApiError("malformed-parameter", "Ringback-Project is not percent-encoded: write % as %25.");
  }
  if (isId("prj", wanted)) return { kind: "project-admin", project: wanted };
  const found = await store.findProject(wanted);
  if (!found) throw new ApiError("not-found", `There is no project "${wanted}".`);
  return { kind: "project-admin", project: found.id };
}

/** The text that a percent-encoded one stands for; undefined where it stands for none. */
function decoded(name: string): string | undefined {
  try {
    return decodeURIComponent(name);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** The refusal of an admin who names no project where one is needed. */
export function projectRequired(): ApiError {
  return new ApiError(
    "project-required",
    "Name the project in Ringback-Project: its id, or its percent-encoded name.",
  );
}
