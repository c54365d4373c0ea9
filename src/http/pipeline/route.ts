import type { Context } from "hono";
import type * as z from "zod/v4/core";
import type { Dependencies, RequestContext } from "../../ports/dependencies.ts";
import type { SignatureRefusal } from "../../ports/queue.ts";
import type { Scope } from "../../projects/caller.ts";
import type { Admin, ApiKey, SignedLink, TaskTokenBearer } from "../../projects/principal.ts";
import type { IdPrefix } from "../../shared/id.ts";
import type { ProblemCode } from "../../shared/problems.ts";
import type { AnswerHeader, RequestHeader } from "../openapi/headers.ts";
import type { ShapeName } from "../openapi/shapes.ts";

/** What the middleware before a route leaves in the context. */
export interface Env {
  Variables: {
    requestId: string;
    route: Route;
    caller: Callers[Access];
    /** How many entries of indexes a list has looked at. */
    visited?: number;
  };
}

/**
 * Who may call: anybody; the bearer of an API key, or also of a signed read link or of a token for a live
 * timeline; the bearer of this task's own token; the bearer of the admin token; the queue, by its signature.
 */
export type Access =
  | "open"
  | "key"
  | "key-or-link"
  | "key-or-events-token"
  | "task-token"
  | "admin"
  | "queue";

/** The principal that each kind of access admits; an open route and the queue's have none. */
export interface Callers {
  readonly open: undefined;
  readonly key: ApiKey;
  readonly "key-or-link": ApiKey | SignedLink;
  readonly "key-or-events-token": ApiKey | SignedLink;
  readonly "task-token": TaskTokenBearer;
  readonly admin: Admin;
  readonly queue: undefined;
}

/** One answer: the shape of its JSON body (none: no body), and headers beside those that every answer carries. */
export interface Answer {
  readonly shape?: ShapeName;
  /** The media type of a body that is not JSON; any: whatever a service answered with. */
  readonly media?: "text/html" | "text/javascript" | "*/*";
  /** Also as server-sent events, for whom accepts them; with a token from any origin. */
  readonly stream?: true;
  readonly headers?: readonly AnswerHeader[];
}

/** What a route's handler is given: everything that was declared, checked. */
export interface Call<Params, Query, Body, A extends Access = Access> {
  readonly c: Context<Env>;
  readonly ctx: RequestContext;
  /** The principal that the route's access admitted. */
  readonly caller: Callers[A];
  readonly params: Readonly<Record<keyof Params, string>>;
  readonly query: Query;
  readonly body: Body;
  /** The body as it was parsed, before its schema changed it. */
  readonly json: unknown;
}

type Schema = z.$ZodType;

/** A route, declared once: it is served by what it says here, and the OpenAPI document is made from it. */
export interface Declaration<Params, Query extends Schema, Body extends Schema, A extends Access = Access> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** In Hono's spelling, `/v1/tasks/:id`. */
  readonly path: string;
  readonly operation: string;
  readonly summary: string;
  readonly tag:
    | "Tasks"
    | "Task tokens"
    | "Services"
    | "Deliveries"
    | "Endpoints"
    | "Secrets"
    | "Administration"
    | "Operations"
    | "Queue";
  readonly access: A;
  /** The scope that an API key needs. The pipeline asks Redis for it before the handler runs. */
  readonly scope?: Scope;
  /**
   * The handler cannot answer before one of its own scripts has checked key and scope: the pipeline's request is saved.
   * test/http/authorization.test.ts calls every such route on a store that forbids everything.
   */
  readonly scopeCheckedBy?: "script";
  /** The kind of id that each path parameter must be; what is none is not found. */
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** The handler reads the body's parts one by one: one that cannot be kept as it was sent refuses itself alone. */
  readonly bodyInParts?: true;
  /** The body may be any JSON under any media type, or none: the handler reads it. */
  readonly anyBody?: true;
  /** The body may be any bytes: the handler reads them. */
  readonly rawBody?: true;
  /** How many times the configured size of a body this one may have; 1 unless set. */
  readonly bodies?: number;
  /** In place of the configured size, in bytes. */
  readonly maxBody?: number;
  /** No body is as good as `{}`. */
  readonly optionalBody?: true;
  /** Whether the query asks for a list that may look at many more entries than it shows; it leaves `visited`. */
  readonly walks?: (query: z.output<Query>) => boolean;
  /** Request headers that change what happens. */
  readonly headers?: readonly RequestHeader[];
  readonly answers: Readonly<Record<number, Answer>> & { readonly default?: Answer };
  /** Refusals beside those that follow from the rest of the declaration ({@link problemsOf}). */
  readonly problems?: readonly ProblemCode[];
  /** `revalidate`: kept by the client alone and asked about again by ETag; else `no-store`. */
  readonly cache?: "revalidate";
  /** Of a queue route: goes on in the background when the signature of a call is refused. Its body proves nothing. */
  readonly refused?: (deps: Dependencies, body: Uint8Array, refusal: SignatureRefusal) => Promise<void>;
  handle(call: Call<Params, z.output<Query>, z.output<Body>, A>): Promise<Response> | Response;
}

/** A route that admits API keys names a scope; no other route has one. */
export type Scoped<A extends Access> = A extends "key" | "key-or-link" | "key-or-events-token"
  ? { readonly scope: Scope }
  : { readonly scope?: never; readonly scopeCheckedBy?: never };

/** A declaration whose own types no longer matter. */
export type Route = Declaration<Readonly<Record<string, IdPrefix | "text">>, Schema, Schema>;

/** Declares a route. */
export function route<
  const Params extends Readonly<Record<string, IdPrefix | "text">>,
  Query extends Schema,
  Body extends Schema,
  A extends Access,
>(declaration: Declaration<Params, Query, Body, A> & Scoped<A>): Route {
  return declaration as unknown as Route; // the border fills `caller`, `params`, `query` and `body` from this very declaration
}

/** Whether each request counts against the project's limit of reads. */
export function isRead({ scope }: Route): boolean {
  return scope?.endsWith(":read") ?? false;
}

/** Every refusal that a route can answer with. */
export function problemsOf(route: Route): readonly ProblemCode[] {
  const codes = new Set<ProblemCode>(route.problems);
  if (route.access === "queue") codes.add("invalid-signature");
  else if (route.access !== "open") codes.add("unauthenticated");
  if (route.scope) codes.add("forbidden");
  if (isRead(route)) codes.add("rate-limited");
  if (route.params) codes.add("not-found");
  if (route.query) codes.add("malformed-parameter");
  if (route.body || route.anyBody || route.rawBody || route.method !== "GET") codes.add("payload-too-large");
  if (route.anyBody) codes.add("malformed-json").add("invalid-request");
  if (route.body && route.access !== "queue") {
    for (const code of ["malformed-json", "unsupported-media-type", "invalid-request"] as const)
      codes.add(code);
  }
  if (route.access !== "open") codes.add("temporarily-unavailable").add("storage-too-new");
  return [...codes.add("internal-error")];
}
