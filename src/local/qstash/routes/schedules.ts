import type { Route } from "../router.ts";
import { ok } from "../router.ts";
import { readPublication } from "./publish.ts";

/** The documentation says POST, the SDK sends PATCH. */
const POST_OR_PATCH = ["POST", "PATCH"];

export const scheduleRoutes: readonly Route[] = [
  { methods: ["GET"], path: "/v2/schedules", handle: (broker) => ok(broker.schedules.list()) },
  {
    methods: ["GET"],
    path: "/v2/schedules/:id",
    handle: (broker, _request, { id = "" }) => ok(broker.schedules.view(id)),
  },
  {
    methods: ["DELETE"],
    path: "/v2/schedules/:id",
    async handle(broker, _request, { id = "" }) {
      await broker.schedules.delete(id);
      return ok();
    },
  },
  {
    methods: POST_OR_PATCH,
    path: "/v2/schedules/:id/pause",
    async handle(broker, _request, { id = "" }) {
      await broker.schedules.setPaused(id, true);
      return ok();
    },
  },
  {
    methods: POST_OR_PATCH,
    path: "/v2/schedules/:id/resume",
    async handle(broker, _request, { id = "" }) {
      await broker.schedules.setPaused(id, false);
      return ok();
    },
  },
  {
    methods: ["POST"],
    path: "/v2/schedules/*",
    async handle(broker, request, params) {
      return ok(await broker.schedules.create(readPublication(request, params["*"] ?? "")));
    },
  },
];
