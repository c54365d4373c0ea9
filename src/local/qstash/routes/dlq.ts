import { Hono } from "hono";
import type { Broker } from "../broker.ts";
import { notFound } from "../errors.ts";
import { toPairs } from "../headers.ts";
import type { DeadLetter } from "../state/dead-letters.ts";
import { deadLetterView } from "../state/dead-letters.ts";
import { FILTERS, listParameter, pageSize, readFilter } from "../state/filters.ts";
import { type Env, queryOf } from "./app.ts";

/** The dead letter queue (docs: features/dlq). */
export function dlqRoutes(broker: Broker) {
  const { deadLetters, journal, publisher } = broker;

  /** The letters that a request is about: those it names, else a page of those that match its filters. */
  function select(query: URLSearchParams): { letters: DeadLetter[]; cursor?: string } {
    const named = listParameter(query, "dlqIds");
    if (named.length > 0) return { letters: deadLetters.pick(named) };
    return deadLetters.page(
      readFilter(query, FILTERS.dlq),
      pageSize(query),
      query.get("cursor") || undefined,
    );
  }

  return new Hono<Env>()
    .get("/v2/dlq", (c) => {
      const { letters, ...cursor } = select(queryOf(c));
      return c.json({ messages: letters.map(deadLetterView), ...cursor });
    })
    .delete("/v2/dlq", async (c) => {
      const { letters, ...cursor } = select(queryOf(c));
      await journal.write(deadLetters.take(letters));
      return c.json({ deleted: letters.length, ...cursor });
    })
    .get("/v2/dlq/:id", (c) => c.json(deadLetterView(deadLetters.get(c.req.param("id")))))
    .delete("/v2/dlq/:id", async (c) => {
      await journal.write(deadLetters.take([deadLetters.get(c.req.param("id"))]));
      return c.json({ deleted: 1 });
    })
    .post("/v2/dlq/retry", async (c) => {
      const query = queryOf(c);
      const { letters, ...cursor } = select(query);
      if (letters.length < listParameter(query, "dlqIds").length) throw notFound("some dlq messages");
      const responses = await publisher.retryDead(letters, toPairs(c.env.incoming.rawHeaders));
      return c.json({ responses, ...cursor }, 201);
    })
    .post("/v2/dlq/retry/:id", async (c) => {
      const letter = deadLetters.get(c.req.param("id"));
      const [response] = await publisher.retryDead([letter], toPairs(c.env.incoming.rawHeaders));
      return c.json(response, 201);
    });
}
