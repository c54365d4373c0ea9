import { badRequest } from "../errors.ts";
import { omitEmpty } from "../message.ts";
import type { Handler, Route } from "../router.ts";
import { ok } from "../router.ts";

function readPositive(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw badRequest(`${name} must be a positive number`);
  return value;
}

/** An operation on a flow-control key that answers with nothing but its success. */
function onKey(act: (...args: Parameters<Handler>) => Promise<void>): Handler {
  return async (broker, request, params) => {
    await act(broker, request, params);
    return ok();
  };
}

const KEY = "/v2/flowControl/:key";

/** Signing keys, flow control and the account's parallelism. */
export const accountRoutes: readonly Route[] = [
  { methods: ["GET"], path: "/v2/keys", handle: (broker) => ok(broker.signingKeys) },
  {
    methods: ["POST"],
    path: "/v2/keys/rotate",
    handle: async (broker) => ok(await broker.rotateSigningKeys()),
  },
  {
    methods: ["GET"],
    path: "/v2/globalParallelism",
    handle: (broker) => ok(omitEmpty(broker.dispatcher.parallelism)),
  },
  {
    methods: ["GET"],
    path: "/v2/flowControl",
    handle: (broker, { query }) => ok(broker.dispatcher.flowControl.list(query.get("search") ?? "")),
  },
  {
    methods: ["GET"],
    path: KEY,
    handle: (broker, _request, { key = "" }) => ok(broker.dispatcher.flowControl.view(key)),
  },
  {
    methods: ["POST"],
    path: `${KEY}/pause`,
    handle: onKey((broker, _request, { key = "" }) => broker.dispatcher.flowControl.setPaused(key, true)),
  },
  {
    methods: ["POST"],
    path: `${KEY}/resume`,
    handle: onKey((broker, _request, { key = "" }) => broker.dispatcher.flowControl.setPaused(key, false)),
  },
  {
    methods: ["POST"],
    path: `${KEY}/pin`,
    handle: onKey((broker, { query }, { key = "" }) =>
      broker.dispatcher.flowControl.pin(key, {
        parallelism: readPositive(query, "parallelism"),
        rate: readPositive(query, "rate"),
        period: readPositive(query, "period"),
      }),
    ),
  },
  {
    methods: ["POST"],
    path: `${KEY}/unpin`,
    handle: onKey((broker, { query }, { key = "" }) =>
      broker.dispatcher.flowControl.unpin(key, {
        parallelism: query.get("parallelism") === "true",
        rate: query.get("rate") === "true",
      }),
    ),
  },
  {
    methods: ["POST"],
    path: `${KEY}/resetRate`,
    handle: onKey((broker, _request, { key = "" }) => broker.dispatcher.flowControl.resetRate(key)),
  },
];
