import type { Context, MiddlewareHandler } from "hono";
import { HonoBase as Hono } from "hono/hono-base";
import { requestId } from "hono/request-id";
import { TrieRouter } from "hono/router/trie-router";
import type { Dependencies } from "../ports/dependencies.ts";
import { errorText } from "../shared/log/error-text.ts";
import { ApiError } from "../shared/problems.ts";
import type { Authenticate } from "./access/app-user.ts";
import { admitter, type VerifySignature } from "./access/authenticate.ts";
import { crossOrigin } from "./pipeline/cross-origin.ts";
import { mount } from "./pipeline/mount.ts";
import { answerFailure } from "./pipeline/problem.ts";
import type { Env, Route } from "./pipeline/route.ts";
import { secureHeaders } from "./pipeline/secure-headers.ts";
import { routesOf } from "./routes/index.ts";
import type { Assets } from "./routes/pages/static.ts";
import { PROXY } from "./routes/proxy.ts";

export interface AppOptions {
  readonly deps: Dependencies;
  /** The static pages: the `ASSETS` binding on Workers, a reader of the disk elsewhere. */
  readonly assets?: Assets;
  readonly verifySignature: VerifySignature;
  /** Names the users of the app that the gateway is a part of. */
  readonly authenticate?: Authenticate;
  /** The routes that are served; every route of the gateway unless set. */
  readonly routes?: readonly Route[];
}

/** Sets the length of the body that a HEAD leaves out (RFC 9110, section 9.3.2): some servers would send 0. */
async function measure({ body, headers }: Response): Promise<void> {
  if (!body || headers.has("Content-Length")) return;
  headers.set("Content-Length", `${(await new Response(body).arrayBuffer()).byteLength}`);
}

/** An app's own function may throw anything; only an Error is answered. */
const anErrorAtLeast: MiddlewareHandler = async (_, next) => {
  try {
    await next();
  } catch (thrown) {
    throw new Error(`What was thrown is no error: ${errorText(thrown)}`, { cause: thrown });
  }
};

/** The gateway's HTTP side over its parts. Give it an execution context: work after an answer needs it. */
export function createApp({
  deps,
  assets,
  verifySignature,
  authenticate,
  routes = routesOf(assets),
}: AppOptions): Hono<Env> {
  const app = new Hono<Env>({ router: new TrieRouter() });
  app.use(requestId());
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of secureHeaders(c.req.path)) c.res.headers.set(name, value);
    if (c.req.method === "HEAD") await measure(c.res);
  });
  app.use(crossOrigin(deps.settings.corsOrigins));
  app.use(anErrorAtLeast);
  const fail = (error: Error, c: Context<Env>): Response => answerFailure(error, c, deps.settings, deps.log);
  app.onError(fail);
  const missing = (c: Context<Env>): Response =>
    fail(new ApiError("not-found", `Nothing is at ${c.req.path}.`), c);
  app.notFound(missing);
  // A wildcard takes a slash at the end too: here each resource has one address, except below services.
  app.use((c, next) =>
    /.\/$/.test(c.req.path) && !c.req.path.startsWith(PROXY) ? Promise.resolve(missing(c)) : next(),
  );
  mount(app, routes, deps, admitter(deps, verifySignature, authenticate));
  return app;
}
