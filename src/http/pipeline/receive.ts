import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { ApiError, type ProblemCode } from "../../shared/problems.ts";
import type { Env, Route } from "./route.ts";

/**
 * The request's body. A sender that goes away in the middle of it is no error of ours.
 *
 * @throws ApiError of that code when the body cannot be received whole
 */
export function receive(c: Context<Env>, code: ProblemCode): Promise<ArrayBuffer> {
  return c.req.arrayBuffer().catch(() => broken(code)); // the runtimes have no error in common for it
}

function broken(code: ProblemCode): never {
  throw new ApiError(code, "The body broke off before its end, or its chunks are malformed.");
}

/**
 * Refuses a larger body; one without a length is received to learn it. Of a body that nobody reads nothing matters.
 *
 * Hono's own limit looks for a body before it reads its length. On Deno a mere look makes a stream of the body, which
 * then costs several times as much to read.
 */
export function bounded(route: Route, maxSize: number): MiddlewareHandler<Env> {
  const onError = (): never => {
    throw new ApiError("payload-too-large", `The body may have at most ${maxSize} bytes.`);
  };
  const limit = bodyLimit({ maxSize, onError });
  const code = brokenCode(route);
  return async (c, next) => {
    const length = c.req.header("Content-Length");
    if (length !== undefined && c.req.header("Transfer-Encoding") === undefined) {
      return Number.parseInt(length, 10) > maxSize ? onError() : next();
    }
    let isReceived = false;
    try {
      await limit(c, () => {
        isReceived = true;
        return next();
      });
    } catch (error) {
      if (isReceived || error instanceof ApiError) throw error;
      if (code !== undefined) broken(code);
      await next();
    }
  };
}

/** The refusal of a broken body, among those that the route declares; undefined where it takes none. */
function brokenCode({ access, body, anyBody, rawBody }: Route): ProblemCode | undefined {
  if (access === "queue") return "invalid-signature";
  if (rawBody) return "invalid-request";
  return body || anyBody ? "malformed-json" : undefined;
}
