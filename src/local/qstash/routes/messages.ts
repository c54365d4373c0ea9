import { type Context, Hono } from "hono";
import type { Broker } from "../broker.ts";
import { badRequest, notFound } from "../errors.ts";
import { messageView } from "../message.ts";
import { countOf, FILTERS, listParameter, pageSize, readFilter } from "../state/filters.ts";
import { type Env, queryOf } from "./app.ts";

/** The most that one bulk cancel takes (docs: api/messages/bulk-cancel). */
const LARGEST_CANCEL = 500;

/** Messages that have not ended, and the log of all of them. */
export function messageRoutes(broker: Broker) {
  const { dispatcher } = broker;

  /** The messages that a bulk cancel is about: those it names, else what matches its filters, oldest first. */
  function select(query: URLSearchParams): readonly string[] {
    const named = listParameter(query, "messageIds");
    if (named.length > 0) return named;
    const filter = readFilter(query, FILTERS.messages);
    const count = countOf(query);
    if (count !== undefined && count > LARGEST_CANCEL) {
      throw badRequest(`count must be at most ${LARGEST_CANCEL}`);
    }
    return dispatcher
      .messages()
      .filter((message) => filter({ ...message, time: message.createdAt }))
      .slice(0, count)
      .map(({ messageId }) => messageId);
  }

  function readLog(c: Context<Env>) {
    const query = queryOf(c);
    readFilter(query, FILTERS.logs);
    const wanted = new Set([...listParameter(query, "messageIds"), ...listParameter(query, "messageId")]);
    return broker.logs.page(wanted, pageSize(query), query.get("cursor") || undefined, broker.clock.now());
  }

  return (
    new Hono<Env>()
      .get("/v2/messages/:id", (c) => {
        const message = dispatcher.get(c.req.param("id"));
        if (!message) throw notFound(`message ${c.req.param("id")}`);
        return c.json(messageView(message));
      })
      .delete("/v2/messages/:id", async (c) => {
        const cancelled = await dispatcher.cancel([c.req.param("id")]);
        if (cancelled === 0) throw notFound(`message ${c.req.param("id")}`);
        return c.json({ cancelled });
      })
      .delete("/v2/messages", async (c) => c.json({ cancelled: await dispatcher.cancel(select(queryOf(c))) }))
      // The SDK reads the older path, the documentation names the newer one: only the list's name differs.
      .get("/v2/events", (c) => {
        const { entries, ...cursor } = readLog(c);
        return c.json({ events: entries, ...cursor });
      })
      .get("/v2/logs", (c) => {
        const { entries, ...cursor } = readLog(c);
        return c.json({ logs: entries, ...cursor });
      })
  );
}
