import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { overLimit } from "../errors.ts";
import { toPairs } from "../headers.ts";
import type { Publication } from "../publisher.ts";

/** The server's part of a route's context: Node's own request, which holds path and headers as they were sent. */
export interface Env {
  Bindings: HttpBindings;
}

/** The path as it was sent: a destination in it must stay as it is. */
export const rawPath = (env: HttpBindings): string => (env.incoming.url ?? "/").split("?", 1)[0] ?? "/";

export const rawQuery = (env: HttpBindings): string => {
  const target = env.incoming.url ?? "/";
  const mark = target.indexOf("?");
  return mark < 0 ? "" : target.slice(mark + 1);
};

export const queryOf = (c: Context<Env>): URLSearchParams => new URLSearchParams(rawQuery(c.env));

/** The body and who sent it. @throws QStashError 412 for a body over `limit` bytes. */
export async function readSource(
  c: Context<Env>,
  limit: number,
): Promise<Pick<Publication, "headers" | "body" | "callerIP">> {
  const { rawHeaders, socket } = c.env.incoming;
  const body = Buffer.from(await c.req.arrayBuffer());
  if (body.length > limit) throw overLimit(`maximum request size exceeded: ${limit} bytes`);
  return {
    headers: toPairs(rawHeaders),
    body,
    callerIP: (socket.remoteAddress ?? "").replace(/^::ffff:/, ""),
  };
}
