import type { Context } from "hono";
import type { FindProject } from "../../projects/find-project.ts";
import type { AppUser } from "../../projects/principal.ts";
import { ApiError } from "../../shared/problems.ts";
import type { Env } from "../pipeline/route.ts";

/** A user of the app that the gateway is a part of. */
export interface Authenticated {
  /** The project that they act for: its id, or its name. */
  readonly project: string;
  /** What they may do there, such as `tasks:read`. `secrets:*` is never granted, and `admin` does not contain it. */
  readonly scopes: readonly string[];
  /** Names them in the timelines of tasks, at most 100 characters. */
  readonly name?: string | undefined;
}

/**
 * Names the user whose request it is, by the session of the app for example; undefined when there is none. It must not
 * read the body.
 */
export type Authenticate = (
  request: Request,
) => Authenticated | undefined | Promise<Authenticated | undefined>;

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

const SCOPE = /^(?:tasks|endpoints):(?:read|write)$|^service:[a-z][a-z0-9-]{0,31}$|^admin$/;

const NEVER = /^secrets:/;

const LONGEST_NAME = 100;

/** Asks the app for its user, where a request has no credentials of the gateway's own. */
export function appUsers(
  authenticate: Authenticate | undefined,
  findProject: FindProject,
): (c: Context<Env>) => Promise<AppUser | undefined> {
  return async (c) => {
    if (!authenticate || c.req.header("Authorization") !== undefined) return undefined;
    const user = await authenticate(c.env.original ?? c.req.raw);
    if (!user) return undefined;
    const { project, scopes, name } = checked(user);
    // The user's browser sends its cookies with what other pages ask of it, too.
    if (!SAFE.has(c.req.method) && !isOwnPage(c)) throw crossSite();
    return { kind: "app-user", project: await findProject(project), scopes, ...(name && { name }) };
  };
}

/** A browser sets the first header itself; a page of another origin cannot send the second without being asked. */
function isOwnPage(c: Context<Env>): boolean {
  return c.req.header("Sec-Fetch-Site") === "same-origin" || c.req.header("Ringback-Request") === "1";
}

function crossSite(): ApiError {
  return new ApiError(
    "cross-site-request",
    "A request that changes something must come from a page of this origin (Sec-Fetch-Site: same-origin), or carry the header Ringback-Request: 1.",
  );
}

/** @throws TypeError when the app's own function returned something else than a user */
function checked({ project, scopes, name }: Authenticated): Authenticated {
  if (typeof project !== "string" || project === "") throw new TypeError("authenticate() named no project.");
  if (!Array.isArray(scopes)) throw new TypeError("authenticate() gave no list of scopes.");
  const granted = scopes.filter((scope: unknown) => !NEVER.test(String(scope)));
  const unknown = granted.find((scope: unknown) => typeof scope !== "string" || !SCOPE.test(scope));
  if (unknown !== undefined)
    throw new TypeError(`authenticate() gave a scope that does not exist: ${unknown}`);
  return { project, scopes: granted, name: name === undefined ? undefined : plain(String(name)) };
}

/** Whole characters only: half of one has no percent-encoding. */
function plain(name: string): string {
  return [...name.toWellFormed()].slice(0, LONGEST_NAME).join("");
}
