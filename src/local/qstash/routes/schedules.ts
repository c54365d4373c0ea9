import { Hono } from "hono";
import type { Broker } from "../broker.ts";
import type { Env } from "./app.ts";
import { readPublication } from "./publish.ts";

/** The documentation says POST, the SDK sends PATCH. */
const POST_OR_PATCH = ["POST", "PATCH"];

/** Schedules (docs: features/schedules). */
export function scheduleRoutes({ schedules, plan }: Broker) {
  return new Hono<Env>()
    .get("/v2/schedules", (c) => c.json(schedules.list()))
    .get("/v2/schedules/:id", (c) => c.json(schedules.view(c.req.param("id"))))
    .delete("/v2/schedules/:id", async (c) => {
      await schedules.delete(c.req.param("id"));
      return c.json({});
    })
    .on(POST_OR_PATCH, "/v2/schedules/:id/pause", async (c) => {
      await schedules.setPaused(c.req.param("id"), true);
      return c.json({});
    })
    .on(POST_OR_PATCH, "/v2/schedules/:id/resume", async (c) => {
      await schedules.setPaused(c.req.param("id"), false);
      return c.json({});
    })
    .post("/v2/schedules/*", async (c) =>
      c.json(await schedules.create(await readPublication(c, "/v2/schedules/", plan.maxBatchSize))),
    );
}
