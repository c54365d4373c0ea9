import type { Context } from "hono";
import type { StatusCode } from "hono/utils/http-status";
import type { Declared } from "./route.ts";

/** Makes the answers of one request: JSON, or no body for null. */
export function replyTo(c: Context) {
  return (
    status: number,
    body: unknown,
    headers: Readonly<Record<string, string | undefined>> = {},
  ): Declared => {
    const given = headers as Record<string, string>; // what is there has a value: its type has no undefined
    const code = status as StatusCode; // the route's own
    if (body === null) return declaredResponse(c.body(null, code, given));
    return declaredResponse(
      c.newResponse(JSON.stringify(body), code, { "Content-Type": "application/json", ...given }),
    );
  };
}

/** A response that was made by the rules of its route. */
export function declaredResponse(response: Response): Declared {
  return response as Declared; // the type has no other maker
}
