import type { Broker } from "../broker.ts";
import type { DeadLetter } from "../dead-letters.ts";
import { deadLetterView } from "../dead-letters.ts";
import { notFound } from "../errors.ts";
import { FILTERS, listParameter, pageSize, readFilter } from "../filters.ts";
import type { ApiRequest } from "../http.ts";
import type { Route } from "../router.ts";
import { ok } from "../router.ts";

/** The letters that a request is about: those it names, else a page of those that match its filters. */
function select(broker: Broker, { query }: ApiRequest): { letters: DeadLetter[]; cursor?: string } {
  const named = listParameter(query, "dlqIds");
  if (named.length > 0) return { letters: broker.deadLetters.pick(named) };
  const filter = readFilter(query, FILTERS.dlq);
  return broker.deadLetters.page(filter, pageSize(query), query.get("cursor") || undefined);
}

const withCursor = (cursor: string | undefined) => (cursor === undefined ? {} : { cursor });

export const dlqRoutes: readonly Route[] = [
  {
    methods: ["GET"],
    path: "/v2/dlq",
    handle(broker, request) {
      const { letters, cursor } = select(broker, request);
      return ok({ messages: letters.map(deadLetterView), ...withCursor(cursor) });
    },
  },
  {
    methods: ["DELETE"],
    path: "/v2/dlq",
    async handle(broker, request) {
      const { letters, cursor } = select(broker, request);
      await broker.journal.write(broker.deadLetters.take(letters));
      return ok({ deleted: letters.length, ...withCursor(cursor) });
    },
  },
  {
    methods: ["GET"],
    path: "/v2/dlq/:id",
    handle: (broker, _request, { id = "" }) => ok(deadLetterView(broker.deadLetters.get(id))),
  },
  {
    methods: ["DELETE"],
    path: "/v2/dlq/:id",
    async handle(broker, _request, { id = "" }) {
      await broker.journal.write(broker.deadLetters.take([broker.deadLetters.get(id)]));
      return ok({ deleted: 1 });
    },
  },
  {
    methods: ["POST"],
    path: "/v2/dlq/retry",
    async handle(broker, request) {
      const { letters, cursor } = select(broker, request);
      const named = listParameter(request.query, "dlqIds");
      if (letters.length < named.length) throw notFound("some dlq messages");
      const responses = await broker.publisher.retryDead(letters, request.headers);
      return { status: 201, json: { responses, ...withCursor(cursor) } };
    },
  },
  {
    methods: ["POST"],
    path: "/v2/dlq/retry/:id",
    async handle(broker, request, { id = "" }) {
      const [response] = await broker.publisher.retryDead([broker.deadLetters.get(id)], request.headers);
      return { status: 201, json: response };
    },
  },
];
