import type { Broker } from "../broker.ts";
import { notFound } from "../errors.ts";
import { FILTERS, listParameter, pageSize, readFilter } from "../filters.ts";
import type { ApiRequest } from "../http.ts";
import { messageView } from "../message.ts";
import type { Route } from "../router.ts";
import { ok } from "../router.ts";

/** The log; an entry of the newer path and the older path differ in the name of the list alone. */
function readLog(broker: Broker, { query }: ApiRequest) {
  const ids = new Set(listParameter(query, "messageIds"));
  const filter = readFilter(query, FILTERS.logs);
  return broker.logs.page(
    (item) => (ids.size === 0 || ids.has(item.messageId)) && filter(item),
    pageSize(query),
    query.get("cursor") || undefined,
    broker.clock.now(),
  );
}

export const messageRoutes: readonly Route[] = [
  {
    methods: ["GET"],
    path: "/v2/messages/:id",
    handle(broker, _request, { id = "" }) {
      const message = broker.dispatcher.get(id);
      if (!message) throw notFound(`message ${id}`);
      return ok(messageView(message));
    },
  },
  {
    methods: ["DELETE"],
    path: "/v2/messages/:id",
    async handle(broker, _request, { id = "" }) {
      const cancelled = await broker.dispatcher.cancel([id]);
      if (cancelled === 0) throw notFound(`message ${id}`);
      return ok({ cancelled });
    },
  },
  {
    methods: ["DELETE"],
    path: "/v2/messages",
    async handle(broker, { query }) {
      const named = listParameter(query, "messageIds");
      if (named.length > 0) return ok({ cancelled: await broker.dispatcher.cancel(named) });
      const filter = readFilter(query, FILTERS.messages);
      const matching = broker.dispatcher
        .messages()
        .filter((message) => filter({ ...message, time: message.createdAt }));
      return ok({ cancelled: await broker.dispatcher.cancel(matching.map(({ messageId }) => messageId)) });
    },
  },
  {
    methods: ["GET"],
    path: "/v2/events",
    handle(broker, request) {
      const { entries, cursor } = readLog(broker, request);
      return ok({ events: entries, ...(cursor === undefined ? {} : { cursor }) });
    },
  },
  {
    methods: ["GET"],
    path: "/v2/logs",
    handle(broker, request) {
      const { entries, cursor } = readLog(broker, request);
      return ok({ logs: entries, ...(cursor === undefined ? {} : { cursor }) });
    },
  },
];
