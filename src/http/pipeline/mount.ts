import type { Context, MiddlewareHandler } from "hono";
import { etag, RETAINED_304_HEADERS } from "hono/etag";
import type { HonoBase as Hono } from "hono/hono-base";
import * as z from "zod/mini";
import type { Dependencies } from "../../ports/dependencies.ts";
import { contextOf } from "../../ports/request-context.ts";
import { isId, NOUNS } from "../../shared/id.ts";
import { LARGEST_BODY } from "../../shared/limits.ts";
import { ApiError } from "../../shared/problems.ts";
import { IN_WORDS } from "../../shared/schema/zod-messages.ts";
import type { Admit } from "../access/authenticate.ts";
import { authorize } from "../access/authorize.ts";
import { createReadLimit, LONG_WALK, LONG_WALK_COST, type ReadLimit } from "../access/read-limit.ts";
import { fitting, parseJson, readJson, readJsonBody } from "./body.ts";
import { acceptsStream, preferencesOf } from "./prefer.ts";
import { bounded, receive } from "./receive.ts";
import { declaredResponse, replyTo } from "./respond.ts";
import { type Env, isRead, type Route } from "./route.ts";

/**
 * Serves the routes: each request is admitted and authorized, its size bounded, and what the route declares checked,
 * before its handler sees it. Other methods on a known path are refused by name.
 */
export function mount(app: Hono<Env>, routes: readonly Route[], deps: Dependencies, admit: Admit): void {
  const { maxBody } = deps.settings;
  const readLimit = createReadLimit(deps.settings.readLimit, deps.clock);
  const conditional = etag({
    retainedHeaders: [...RETAINED_304_HEADERS, "retry-after", "x-request-id"],
    generateDigest: async (body) => (await deps.hashes.sha1(body)).buffer,
  });
  const serve = (route: Route): void => {
    const limited = bounded(route, route.maxBody ?? Math.min(maxBody * (route.bodies ?? 1), LARGEST_BODY));
    const admitted: MiddlewareHandler<Env> = async (c, next) => {
      c.set("route", route);
      setCaching(c, route);
      const caller = await admit(c, route);
      await authorize(deps.store, c, route, caller);
      c.set("caller", caller);
      await next();
    };
    const chain: MiddlewareHandler<Env>[] =
      route.access === "queue" ? [limited, admitted] : [admitted, limited];
    // A GET without a declared body has none to limit.
    if (route.method === "GET" && !route.body && !route.anyBody) chain.pop();
    // A stream has no tag: a middleware that reads it to its end never answers.
    if (route.cache === "revalidate") {
      chain.push((c, next) => (isStream(c, route) ? next() : conditional(c, next)));
    }
    chain.push(async (c) => {
      const call = await callOf(c, route, deps);
      return await countingReads(call, route, readLimit, () => handlerOf(route, call)(call));
    });
    app.on(route.method, [route.path], ...chain);
  };
  for (const [path, methods] of methodsByPath(routes)) {
    for (const route of routes) if (route.path === path) serve(route);
    const allow = [...methods].sort().join(", ");
    app.all(path, (c) => {
      c.header("Allow", allow);
      if (c.req.method === "OPTIONS") return c.body(null, 204);
      throw new ApiError("method-not-allowed", `This address takes ${allow}.`);
    });
  }
}

function setCaching(c: Context<Env>, route: Route): void {
  c.header("Cache-Control", route.cache === "revalidate" ? "private, no-cache" : "no-store");
  // RFC 7240, section 2: whether or not this client preferred anything.
  const varying = (["Accept", "Prefer"] as const).filter((name) => route.headers?.includes(name));
  if (varying.length > 0) c.header("Vary", varying.join(", "));
  // A browser page of any origin may follow with a token, which proves itself: no cookie or key is in play. Refusals
  // carry it too, because EventSource takes a forbidden answer for a lost connection and reconnects for ever.
  if (isStream(c, route) && c.req.query("token") !== undefined) c.header("Access-Control-Allow-Origin", "*");
}

function isStream(c: Context<Env>, route: Route): boolean {
  return route.answers[200]?.stream === true && acceptsStream(c);
}

type AnyCall = Parameters<Route["handle"]>[0];

/** The admin who names no project is admitted where the route answers over all of them. */
function handlerOf(route: Route, { caller }: AnyCall) {
  if (route.access === "admin" || caller?.kind !== "admin") return (call: AnyCall) => route.handle(call);
  return (call: AnyCall) => route.handleEveryProject?.({ ...call, caller }) ?? unreachable(route);
}

function unreachable({ operation }: Route): never {
  throw new Error(`${operation} has admitted an admin without a project.`);
}

/** The admin's reads are counted together, and apart from those of the projects. */
const ADMIN_READS = "admin";

/**
 * Takes what the request costs of the project's reads: 1, also for a wait; a long walk's is taken before and settled
 * after. A refused key, such as a revoked one, uses up as many of its own, and none of its project's.
 */
async function countingReads(
  { c, caller, query }: AnyCall,
  route: Route,
  limit: ReadLimit,
  handle: () => Promise<Response> | Response,
): Promise<Response> {
  const waits = route.headers?.includes("Prefer") && preferencesOf(c).wait !== undefined;
  if (!isRead(route) && !waits) return handle();
  if (caller === undefined) throw new Error(`${route.operation} reads for nobody.`);
  const isAdmin = caller.kind === "admin" || caller.kind === "project-admin";
  const project = isAdmin ? ADMIN_READS : caller.project;
  const cost = route.walks?.(query) ? LONG_WALK_COST : 1;
  const own = caller.kind === "api-key" ? [caller.key] : [];
  limit.take(project, cost);
  try {
    for (const bucket of own) limit.take(bucket, cost);
    const response = await handle();
    if (cost > 1 && (c.get("visited") ?? 0) <= LONG_WALK) {
      for (const bucket of [project, ...own]) limit.giveBack(bucket, cost - 1);
    }
    return response;
  } catch (error) {
    if (error instanceof ApiError && REFUSALS.has(error.code)) limit.giveBack(project, cost);
    throw error;
  }
}

/** Answers a key that may not read. */
const REFUSALS: ReadonlySet<string> = new Set(["unauthenticated", "forbidden", "rate-limited"]);

async function callOf(c: Context<Env>, route: Route, deps: Dependencies): Promise<AnyCall> {
  for (const [name, kind] of Object.entries(route.params ?? {})) {
    if (typeof kind === "string" && !isId(kind, c.req.param(name) ?? "")) {
      const article = /^[aeiou]/.test(NOUNS[kind]) ? "an" : "a";
      throw new ApiError("not-found", `${c.req.param(name)} is not the id of ${article} ${NOUNS[kind]}.`);
    }
  }
  const query = route.query && checkQuery(route.query, new URL(c.req.url).searchParams);
  const given = route.access === "queue" ? await messageOf(c, route) : await bodyOf(c, route);
  const params = c.req.param() as Readonly<Record<string, string>>; // of this very path
  return {
    c,
    ctx: contextOf(deps, { waitUntil: (work) => c.executionCtx.waitUntil(work) }, c.get("requestId")),
    caller: c.get("caller"),
    params,
    query,
    json: undefined,
    body: undefined,
    reply: replyTo(c),
    send: declaredResponse,
    ...given,
  };
}

function checkQuery(schema: z.core.$ZodType, search: URLSearchParams): unknown {
  const names = new Set<string>();
  for (const name of search.keys()) {
    if (names.has(name)) throw malformed(`${name} is given more than once.`);
    names.add(name);
  }
  const checked = z.safeParse(schema, grouped(search), IN_WORDS);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  if (issue?.code === "unrecognized_keys")
    throw malformed(`There is no parameter ${issue.keys.join(", ")} here.`);
  throw malformed(`${issue?.path.join(".")} ${issue?.message}.`);
}

/** `name[key]=value` is one object `name` (OpenAPI's deepObject style). */
function grouped(search: URLSearchParams): unknown {
  const members = new Map<string, string | Map<string, string>>();
  for (const [name, value] of search) {
    const [, group, key] = /^(\w+)\[(.+)\]$/s.exec(name) ?? [];
    if (group === undefined || key === undefined) {
      members.set(name, value);
      continue;
    }
    const others = members.get(group) ?? new Map<string, string>();
    if (typeof others === "string") throw malformed(`${group} is given in two forms.`);
    // A schema ignores this name as if it were absent.
    if (key === "__proto__") throw malformed(`There is no ${group} of the name ${key}.`);
    members.set(group, others.set(key, value));
  }
  return Object.fromEntries(
    [...members].map(([name, value]) => [
      name,
      typeof value === "string" ? value : Object.fromEntries(value),
    ]),
  );
}

function malformed(detail: string): ApiError {
  return new ApiError("malformed-parameter", detail);
}

async function bodyOf(c: Context<Env>, route: Route): Promise<{ json?: unknown; body?: unknown }> {
  if (!route.body) return {};
  const isEmpty = route.optionalBody && (await receive(c, "malformed-json")).byteLength === 0;
  const json = isEmpty ? {} : await jsonOf(c, route);
  return { json, body: fitting(route.body, json) };
}

async function jsonOf(c: Context<Env>, { bodyInParts }: Route): Promise<unknown> {
  return bodyInParts ? (await readJsonBody(c)).json : readJson(c);
}

/**
 * A signed message that we don't understand (one of a newer deployment, after a step back) stays unknown however often
 * it arrives: it goes to the dead letters of the queue, where it is seen, and the sweep asks again in our own words.
 */
async function messageOf(c: Context<Env>, route: Route): Promise<{ body: unknown }> {
  const bytes = await c.req.arrayBuffer();
  const json = route.optionalBody && bytes.byteLength === 0 ? {} : parseJson(bytes, "malformed-message");
  const checked = route.body && z.safeParse(route.body, json, IN_WORDS);
  if (!checked || checked.success) return { body: checked?.data };
  const [issue] = checked.error.issues;
  throw new ApiError("malformed-message", `${issue?.path.join(".")} ${issue?.message}.`);
}

/** The methods of each path; `/v1/tasks/batch` comes before `/v1/tasks/:id`, which would match it too. */
function methodsByPath(routes: readonly Route[]): Map<string, Set<string>> {
  const paths = new Map<string, Set<string>>();
  const isTemplate = ({ path }: Route): boolean => path.includes(":");
  for (const { path, method } of [
    ...routes.filter((one) => !isTemplate(one)),
    ...routes.filter(isTemplate),
  ]) {
    const methods = paths.get(path) ?? new Set();
    methods.add(method);
    if (method === "GET") methods.add("HEAD");
    paths.set(path, methods.add("OPTIONS"));
  }
  return paths;
}
