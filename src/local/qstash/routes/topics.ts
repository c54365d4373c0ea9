import { isObject, readJson } from "../http.ts";
import type { Route } from "../router.ts";
import { ok } from "../router.ts";
import type { Endpoint } from "../topics.ts";

const isText = (value: unknown) => value === undefined || typeof value === "string";

const isRemoval = (value: unknown): value is { endpoints: Partial<Endpoint>[] } =>
  isObject(value) &&
  Array.isArray(value["endpoints"]) &&
  value["endpoints"].every(
    (endpoint) => isObject(endpoint) && isText(endpoint["name"]) && isText(endpoint["url"]),
  );

const isAddition = (value: unknown): value is { endpoints: Endpoint[] } =>
  isRemoval(value) && value.endpoints.every(({ url }) => url !== undefined);

export const topicRoutes: readonly Route[] = [
  { methods: ["GET"], path: "/v2/topics", handle: (broker) => ok(broker.topics.list()) },
  {
    methods: ["GET"],
    path: "/v2/topics/:name",
    handle: (broker, _request, { name = "" }) => ok(broker.topics.get(name)),
  },
  {
    methods: ["DELETE"],
    path: "/v2/topics/:name",
    async handle(broker, _request, { name = "" }) {
      await broker.topics.delete(name);
      return ok();
    },
  },
  {
    methods: ["POST"],
    path: "/v2/topics/:name/endpoints",
    async handle(broker, request, { name = "" }) {
      const { endpoints } = readJson(request.body, isAddition, "{endpoints: [{name?, url}]}");
      await broker.topics.add(name, endpoints);
      return ok();
    },
  },
  {
    methods: ["DELETE"],
    path: "/v2/topics/:name/endpoints",
    async handle(broker, request, { name = "" }) {
      const { endpoints } = readJson(request.body, isRemoval, "{endpoints: [{name?, url?}]}");
      await broker.topics.remove(name, endpoints);
      return ok();
    },
  },
];
