import type { Context } from "hono";
import type { Store } from "../../ports/store.ts";
import type { Scope } from "../../projects/caller.ts";
import { denied } from "../../projects/denied.ts";
import type { Client } from "../../projects/principal.ts";
import type { Access, Callers, Env, Route } from "../pipeline/route.ts";

/**
 * Asks Redis whether the caller's API key has the scope that the route needs. A route whose handler runs a script that
 * checks the scope itself saves this request. A signed link needs no scope: it opens one task.
 *
 * @throws ApiError `unauthenticated` or `forbidden`
 */
export async function authorize(
  store: Pick<Store, "authorize">,
  c: Context<Env>,
  route: Route,
  caller: Callers[Access],
): Promise<void> {
  if (route.scope === undefined || route.scopeCheckedBy === "script") return;
  if (!isClient(caller)) return;
  const scope = scopeOf(route.scope, c);
  const answer = await store.authorize(caller, scope);
  if (answer.kind !== "allowed") throw denied(answer, scope);
}

function isClient(caller: Callers[Access]): caller is Client {
  switch (caller?.kind) {
    case "api-key":
    case "project-admin":
    case "app-user":
      return true;
    default:
      return false;
  }
}

/** The scope of this request: `service:{service}` names a path parameter. */
function scopeOf(scope: Scope, c: Context<Env>): Scope {
  const named = /^service:\{(\w+)\}$/.exec(scope)?.[1];
  return named === undefined ? scope : `service:${c.req.param(named) ?? ""}`;
}
