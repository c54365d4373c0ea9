import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { ApiError } from "../../shared/problems.ts";
import type { Env } from "./route.ts";

/**
 * Refuses bodies of more bytes than that. Hono's own limit looks for a body before it reads the declared length. On Deno
 * a mere look makes a stream of the body, which then costs several times as much to read.
 */
export function boundedBody(maxSize: number): MiddlewareHandler<Env> {
  const onError = (): never => {
    throw new ApiError("payload-too-large", `The body may have at most ${maxSize} bytes.`);
  };
  const counting = bodyLimit({ maxSize, onError });
  return async (c, next) => {
    const declared = c.req.header("Content-Length");
    if (declared === undefined || c.req.header("Transfer-Encoding") !== undefined) return counting(c, next);
    return Number.parseInt(declared, 10) > maxSize ? onError() : next();
  };
}
