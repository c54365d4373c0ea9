import type { Context } from "hono";
import type * as z from "zod/v4/core";
import type { Dependencies, RequestContext } from "../../ports/dependencies.ts";
import type { SignatureRefusal } from "../../ports/queue.ts";
import type { Scope } from "../../projects/caller.ts";
import type { Admin, Client, SignedLink, TaskTokenBearer } from "../../projects/principal.ts";
import type { IdPrefix } from "../../shared/id.ts";
import type { ProblemCode } from "../../shared/problems.ts";
import type { Infer } from "../../shared/schema/schema.ts";
import type { AnswerHeader, RequestHeader } from "../openapi/headers.ts";

/** The bindings of a request, and the variables that the middleware before a route sets in the context. */
export interface Env {
  Bindings: {
    /** The request as it came, with the base path; the same object that the app around the gateway has. */
    original?: Request;
  };
  Variables: {
    requestId: string;
    route: Route;
    caller: Callers[Access];
    /** Entries of indexes that a list has read. */
    visited?: number;
  };
}

/**
 * The permitted callers: anybody; the bearer of an API key, or also of the task's browser token, of a signed read link
 * or of a token for a live timeline; the bearer of this task's own token; the bearer of the admin token, or also of the
 * token for the metrics; the queue, by its signature.
 */
export type Access =
  | "open"
  | "key"
  | "key-or-browser-token"
  | "key-or-link"
  | "key-or-events-token"
  | "task-token"
  | "admin"
  | "metrics"
  | "queue";

/** Access by an API key, or by a token that opens the one task in the path. */
export type TokenAccess = Extract<Access, `key-or-${string}`>;

/**
 * The principal that each kind of access admits; an open route and the queue's have none. Where an API key may call,
 * the admin may too, for the project that `Ringback-Project` names.
 */
export interface Callers {
  readonly open: undefined;
  readonly key: Client;
  readonly "key-or-browser-token": Client | SignedLink;
  readonly "key-or-link": Client | SignedLink;
  readonly "key-or-events-token": Client | SignedLink;
  readonly "task-token": TaskTokenBearer;
  readonly admin: Admin;
  readonly metrics: undefined;
  readonly queue: undefined;
}

type Schema = z.$ZodType;

/** One answer: the schema of its JSON body (none: no body), and headers next to those that every answer carries. */
export interface Answer {
  /** Its meaning, for the document. */
  readonly description: string;
  /** A `component`, which has an example. */
  readonly body?: Schema;
  /** The media type of a body that is not JSON; any: the bytes that a service answered with. */
  readonly media?: "text/html" | "text/javascript" | "text/plain" | "*/*";
  /** Also as server-sent events, where `Accept` asks for them; with a token from any origin. */
  readonly stream?: true;
  readonly headers?: readonly AnswerHeader[];
  /** Operations that take the `id` of the body as theirs. */
  readonly links?: readonly string[];
}

/** The answers of a route by their status; `default` is any other status, of a service's answer. */
export type Answers = Readonly<Record<number, Answer>> & { readonly default?: Answer };

/** A path parameter that is not an id of ours. */
export interface TextParam {
  readonly description: string;
  readonly example: string;
  readonly pattern?: string;
}

/** Path parameters: the kind of id that each must be, or another form. */
export type Params = Readonly<Record<string, IdPrefix | TextParam>>;

declare const declared: unique symbol;

/** A response that its route declares: made by {@link Reply} or {@link Send} alone. */
export type Declared = Response & { readonly [declared]: true };

type BodyOf<One> = One extends { readonly body: infer Body extends Schema } ? Infer<Body> : null;
type HeadersOf<One> = One extends { readonly headers: readonly (infer Name extends string)[] }
  ? { readonly [Header in Name]?: string }
  : Readonly<Record<string, never>>;

/**
 * Answers with that status; the body must fit the schema that the route declares for it (null: it declares none), and
 * the headers be declared too.
 */
export type Reply<All> = <Status extends keyof All & number>(
  status: Status,
  body: BodyOf<All[Status]>,
  headers?: HeadersOf<All[Status]>,
) => Declared;

/**
 * Answers with a body without a schema: a page, a stream, a result as it is stored. Only where the route declares such.
 */
export type Send<All> = Answers extends All
  ? (response: Response) => Declared // of any route
  : [Extract<All[keyof All], { readonly media: string } | { readonly stream: true }>] extends [never]
    ? undefined
    : (response: Response) => Declared;

/** The chapters of the reference, in their order. */
export const TAGS = {
  Tasks: "Submit work, read its status, fetch its result.",
  "Task tokens":
    "For a worker that finishes a task later: report by the token that the handler was given, or post to its completion URL.",
  Services:
    "Any HTTP service that the deployer has configured, made asynchronous: the very request is queued, the service's answer is the result.",
  Deliveries: "Every callback, every attempt to make it, and a way to make it again.",
  Endpoints: "Receivers of all of a project's events, registered once.",
  Secrets: "Secrets and keys that sign callbacks.",
  Administration: "Projects and their API keys, under the deployment's admin token.",
  Operations: "Health, this document, and pages for people.",
  Queue: "Only for QStash: every call is verified by its signature before anything of it is read.",
} as const;

/** The arguments of a route's handler: everything that was declared, checked. */
export interface Call<Params, Query, Body, All, A extends Access = Access> {
  readonly c: Context<Env>;
  readonly ctx: RequestContext;
  /** The principal that the route's access admitted. */
  readonly caller: Callers[A];
  readonly params: Readonly<Record<keyof Params, string>>;
  readonly query: Query;
  readonly body: Body;
  /** The body as it was parsed, before its schema changed it. */
  readonly json: unknown;
  readonly reply: Reply<All>;
  readonly send: Send<All>;
}

/** A route, declared once: the server and the OpenAPI document follow from the declaration. */
export interface Declaration<
  Params,
  Query extends Schema,
  Body extends Schema,
  All extends Answers,
  A extends Access = Access,
> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** In Hono's spelling, `/v1/tasks/:id`. */
  readonly path: string;
  readonly operation: string;
  readonly summary: string;
  /** The reference's text about it, in sentences. */
  readonly description: string;
  /** Its chapter in the reference. */
  readonly tag: keyof typeof TAGS;
  readonly access: A;
  /** The scope that an API key needs. The pipeline asks Redis for it before the handler runs. */
  readonly scope?: Scope;
  /**
   * The handler cannot answer before one of its own scripts has checked key and scope: the pipeline's request is saved.
   * test/http/authorization.test.ts calls every such route on a store that forbids everything.
   */
  readonly scopeCheckedBy?: "script";
  /** An id of another form is not found. */
  readonly params?: Params;
  /** Its fields have descriptions. */
  readonly query?: Query;
  /** A `component`, which has an example; the queue's messages need none. */
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
  /** A missing body is the same as `{}`. */
  readonly optionalBody?: true;
  /** Whether the query asks for a list that may read many more entries than it shows; it leaves `visited`. */
  readonly walks?: (query: z.output<Query>) => boolean;
  /** Request headers that change the result. */
  readonly headers?: readonly RequestHeader[];
  readonly answers: All;
  /** Its task, or its batch, calls the address in `callbackUrl`. */
  readonly callbacks?: "task" | "batch";
  /** Refusals in addition to those that follow from the rest of the declaration ({@link problemsOf}). */
  readonly problems?: readonly ProblemCode[];
  /** `revalidate`: kept by the client alone and asked about again by ETag; else `no-store`. */
  readonly cache?: "revalidate";
  /** Of a queue route: goes on in the background when the signature of a call is refused. Its body proves nothing. */
  readonly refused?: (deps: Dependencies, body: Uint8Array, refusal: SignatureRefusal) => Promise<void>;
  handle(call: Call<Params, z.output<Query>, z.output<Body>, All, A>): Promise<Declared> | Declared;
  /** Answers the admin who names no project: over all of them. A route without it refuses with `project-required`. */
  handleEveryProject?(
    call: Call<Params, z.output<Query>, z.output<Body>, All, "admin">,
  ): Promise<Declared> | Declared;
}

/** A route that admits API keys names a scope; no other route has one. */
export type Scoped<A extends Access> = A extends "key" | TokenAccess
  ? { readonly scope: Scope }
  : { readonly scope?: never; readonly scopeCheckedBy?: never };

/** A declaration without its specific types. */
export type Route = Declaration<Params, Schema, Schema, Answers>;

/** Declares a route. */
export function route<
  const Own extends Params,
  Query extends Schema,
  Body extends Schema,
  const All extends Answers,
  A extends Access,
>(declaration: Declaration<Own, Query, Body, All, A> & Scoped<A>): Route {
  return declaration as unknown as Route; // the border fills `caller`, `params`, `query`, `body` and `reply` from this very declaration
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
  if (route.scope) codes.add("forbidden").add("not-found").add("unknown-project").add("malformed-parameter");
  if (route.scope && route.method !== "GET") codes.add("cross-site-request");
  if (route.scope && !route.handleEveryProject) codes.add("project-required");
  if (isRead(route)) codes.add("rate-limited");
  if (route.params) codes.add("not-found");
  if (route.query) codes.add("malformed-parameter");
  if (route.body || route.anyBody || route.rawBody || route.method !== "GET") codes.add("payload-too-large");
  if (route.anyBody) codes.add("malformed-json");
  if (route.body && route.access !== "queue") {
    for (const code of ["malformed-json", "unsupported-media-type", "invalid-request"] as const)
      codes.add(code);
  }
  if (route.access !== "open") codes.add("temporarily-unavailable").add("storage-too-new");
  return [...codes.add("internal-error")];
}
