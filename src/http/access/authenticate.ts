import type { Context } from "hono";
import type { Dependencies } from "../../ports/dependencies.ts";
import type { SignatureVerdict } from "../../ports/queue.ts";
import { projectFinder } from "../../projects/find-project.ts";
import { retiredGenerationsOf } from "../../projects/generations.ts";
import type { SignedLink, TaskTokenBearer } from "../../projects/principal.ts";
import { utf8 } from "../../shared/bytes.ts";
import type { Bytes, Hashes } from "../../shared/hashes.ts";
import { ApiError } from "../../shared/problems.ts";
import { receive } from "../pipeline/receive.ts";
import type { Access, Callers, Env, Route, TokenAccess } from "../pipeline/route.ts";
import { type Authenticate, appUsers } from "./app-user.ts";
import { adminOf, type KeyBearer } from "./project.ts";
import { refusedCalls } from "./refused-calls.ts";
import { sessionOf } from "./session.ts";

/** Proves that a request comes from the queue; `path` is its path and query as the queue signed them. */
export type VerifySignature = (request: {
  readonly signature: string | null;
  readonly path: string;
  readonly body: Bytes;
}) => Promise<SignatureVerdict>;

const BEARER = /^Bearer +([\w.~+/=-]+) *$/i;

/** The principal of a request to a route; none where anybody may call, or the queue has signed. */
export type Admit = (c: Context<Env>, route: Route) => Promise<Callers[Access]>;

/** @throws ApiError `unauthenticated` or `invalid-signature` from its result */
export function admitter(
  deps: Dependencies,
  verifySignature: VerifySignature,
  authenticate?: Authenticate,
): Admit {
  const retired = retiredGenerationsOf(deps);
  const { adminToken, metricsToken } = deps.settings;
  const isAdmin = tokenCheck(deps.hashes, adminToken);
  const readsMetrics = metricsToken === undefined ? undefined : tokenCheck(deps.hashes, metricsToken);
  const appUser = appUsers(authenticate, projectFinder(deps.store));
  const byKey = async (c: Context<Env>, route: Route): Promise<KeyBearer> => {
    const owner = (await sessionOf(c, deps))?.owner;
    if (owner?.kind === "api-key") return { ...owner, via: "console" };
    if (owner?.kind === "admin") return throughConsole(await adminOf(c, route, deps));
    const user = await appUser(c);
    if (user) return user;
    const text = bearer(c);
    const verified = await deps.keyring.verifyApiKey(text, retired);
    if (verified) return { kind: "api-key", ...verified };
    if (await isAdmin(text)) return await adminOf(c, route, deps);
    throw unauthenticated("Send an API key of this gateway as a bearer token.");
  };
  const byAdmin = async (c: Context<Env>): Promise<boolean> =>
    (await sessionOf(c, deps))?.owner.kind === "admin" || (await isAdmin(bearer(c)));
  const report = refusedCalls(deps.log, deps.clock);
  return async (c, route) => {
    switch (route.access) {
      case "open":
        return undefined;
      case "key":
        return await byKey(c, route);
      case "key-or-browser-token":
      case "key-or-link":
      case "key-or-events-token":
        return (await byToken(c, deps, route.access)) ?? (await byKey(c, route));
      case "task-token":
        return await byTaskToken(c, deps);
      case "admin":
        if (!(await byAdmin(c))) throw unauthenticated("Send the admin token as a bearer token.");
        return { kind: "admin" };
      case "metrics": {
        const text = bearer(c);
        if (!(await isAdmin(text)) && !(await readsMetrics?.(text)))
          throw unauthenticated("Send RINGBACK_METRICS_TOKEN or the admin token as a bearer token.");
        return undefined;
      }
      case "queue": {
        const signature = c.req.header("Upstash-Signature") ?? null;
        const body = new Uint8Array(await receive(c, "invalid-signature"));
        const path = c.req.path + new URL(c.req.url).search;
        const verdict = await verifySignature({ signature, path, body });
        if (verdict.valid) return undefined;
        report({ path: c.req.path, requestId: c.get("requestId") }, verdict);
        if (route.refused) c.executionCtx.waitUntil(route.refused(deps, body, verdict));
        throw new ApiError("invalid-signature", "Only the queue may call this address.");
      }
    }
  };
}

/** Timelines name the console where somebody steers through it. */
function throughConsole(admin: KeyBearer): KeyBearer {
  return admin.kind === "project-admin" ? { ...admin, via: "console" } : admin;
}

/** A task token is its own proof: it authorizes its bearer to finish one attempt of one run of the task in the path. */
async function byTaskToken(c: Context<Env>, deps: Dependencies): Promise<TaskTokenBearer> {
  const token = await deps.keyring.verifyTaskToken(bearer(c));
  if (!token || token.task !== c.req.param("id"))
    throw unauthenticated("Send this task's own token as a bearer token.");
  return { kind: "task-token", ...token };
}

/** The token that a route takes in addition to a browser token: only in the address, for which it is made. */
const LINK_TOKENS = {
  "key-or-browser-token": undefined,
  "key-or-link": "verifyReadToken",
  "key-or-events-token": "verifyEventsToken",
} as const satisfies Readonly<Record<TokenAccess, keyof Dependencies["keyring"] | undefined>>;

/**
 * A token that opens one task is its own proof, and names the task. A browser token may be in the address, or the
 * bearer token. Undefined without one: the caller may have an API key.
 */
async function byToken(
  c: Context<Env>,
  { keyring, clock }: Dependencies,
  access: TokenAccess,
): Promise<SignedLink | undefined> {
  const token = c.req.query("token");
  const task = c.req.param("id") ?? "";
  const now = clock();
  const link = LINK_TOKENS[access];
  const project =
    (await keyring.verifyBrowserToken(token ?? bearer(c), task, now)) ??
    (link && token !== undefined ? await keyring[link](token, task, now) : undefined);
  if (project !== undefined) return { kind: "signed-link", project, task };
  if (token === undefined) return undefined;
  throw unauthenticated("The token is not valid for this task, or has expired.");
}

function bearer(c: Context<Env>): string {
  return BEARER.exec(c.req.header("Authorization") ?? "")?.[1] ?? "";
}

function unauthenticated(detail: string): ApiError {
  return new ApiError("unauthenticated", detail);
}

/** Compares digests, so that the duration reveals nothing about the token. */
function tokenCheck({ sha256, equal }: Hashes, token: string): (text: string) => Promise<boolean> {
  return async (text) => equal(await sha256(utf8(token)), await sha256(utf8(text)));
}
