import { isObject, readJson } from "../http.ts";
import type { Route } from "../router.ts";
import { ok } from "../router.ts";

interface QueueRequest {
  readonly queueName: string;
  readonly parallelism?: number;
  readonly paused?: boolean;
}

const isQueueRequest = (value: unknown): value is QueueRequest =>
  isObject(value) &&
  typeof value["queueName"] === "string" &&
  ["undefined", "number"].includes(typeof value["parallelism"]) &&
  ["undefined", "boolean"].includes(typeof value["paused"]);

export const queueRoutes: readonly Route[] = [
  {
    methods: ["POST"],
    path: "/v2/queues",
    async handle(broker, request) {
      const queue = readJson(request.body, isQueueRequest, "{queueName, parallelism?, paused?}");
      await broker.dispatcher.queues.upsert(queue.queueName, queue.parallelism, queue.paused);
      return ok();
    },
  },
  { methods: ["GET"], path: "/v2/queues", handle: (broker) => ok(broker.dispatcher.queues.list()) },
  {
    methods: ["GET"],
    path: "/v2/queues/:name",
    handle: (broker, _request, { name = "" }) => ok(broker.dispatcher.queues.view(name)),
  },
  {
    methods: ["DELETE"],
    path: "/v2/queues/:name",
    async handle(broker, _request, { name = "" }) {
      const left = await broker.dispatcher.queues.remove(name);
      await broker.dispatcher.cancel(left.map(({ message }) => message.messageId));
      return ok();
    },
  },
  {
    methods: ["POST"],
    path: "/v2/queues/:name/pause",
    async handle(broker, _request, { name = "" }) {
      await broker.dispatcher.queues.setPaused(name, true);
      return ok();
    },
  },
  {
    methods: ["POST"],
    path: "/v2/queues/:name/resume",
    async handle(broker, _request, { name = "" }) {
      await broker.dispatcher.queues.setPaused(name, false);
      return ok();
    },
  },
];
