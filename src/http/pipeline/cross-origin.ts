import type { Context, MiddlewareHandler } from "hono";
import type { Env } from "./route.ts";

/** The headers that a page may read in addition to those that every page may. */
const EXPOSED = [
  "Location",
  "Operation-Location",
  "Content-Location",
  "Retry-After",
  "ETag",
  "RateLimit",
  "RateLimit-Policy",
  "Preference-Applied",
  "Idempotent-Replayed",
  "Link",
  "Ringback-Service-Status",
  "X-Request-Id",
].join(", ");

const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";

/** For a preflight that names no header. */
const REQUEST_HEADERS =
  "Authorization, Content-Type, Idempotency-Key, Prefer, Last-Event-ID, If-None-Match, traceparent, tracestate";

/** How long a browser keeps the answer to a preflight, seconds: the longest that Chromium accepts. */
const KEPT = "7200";

/**
 * Lets pages of these origins call every route (https://fetch.spec.whatwg.org/#http-cors-protocol), and read refusals
 * too. Never with credentials: a page proves itself by a bearer token or a token in the address.
 *
 * @param origins `*`: any; none: no page of another origin reads anything, except a stream that its token opens
 */
export function crossOrigin(origins: readonly string[]): MiddlewareHandler<Env> {
  if (origins.length === 0) return (_, next) => next();
  const any = origins.includes("*");
  return async (c, next) => {
    const origin = c.req.header("Origin");
    const allowed = any ? "*" : origins.find((one) => one === origin);
    if (allowed !== undefined && isPreflight(c)) c.res = preflight(c);
    else await next();
    c.res.headers.append("Vary", "Origin");
    if (allowed === undefined) return;
    c.res.headers.set("Access-Control-Allow-Origin", allowed);
    c.res.headers.set("Access-Control-Expose-Headers", EXPOSED);
  };
}

function isPreflight({ req }: Context<Env>): boolean {
  return (
    req.method === "OPTIONS" &&
    req.header("Origin") !== undefined &&
    req.header("Access-Control-Request-Method") !== undefined
  );
}

/** Any header may be sent: a proxied request carries those of its service, and none of them is a credential here. */
function preflight({ req }: Context<Env>): Response {
  const headers = {
    "Access-Control-Allow-Methods": METHODS,
    "Access-Control-Allow-Headers": req.header("Access-Control-Request-Headers") ?? REQUEST_HEADERS,
    "Access-Control-Max-Age": KEPT,
    "Cache-Control": "no-store",
    Vary: "Access-Control-Request-Headers",
  };
  return new Response(null, { status: 204, headers });
}
