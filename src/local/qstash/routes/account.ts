import { Hono } from "hono";
import type { Broker } from "../broker.ts";
import { omitEmpty } from "../message.ts";
import type { Env } from "./app.ts";

/** Signing keys, flow control and the account's parallelism. */
export const accountRoutes = (broker: Broker) =>
  new Hono<Env>()
    .get("/v2/keys", (c) => c.json(broker.signingKeys))
    .post("/v2/keys/rotate", async (c) => c.json(await broker.rotateSigningKeys()))
    .get("/v2/globalParallelism", (c) => c.json(omitEmpty(broker.dispatcher.parallelism)))
    .get("/v2/flowControl", (c) => c.json(broker.dispatcher.flowControl.list(c.req.query("search") ?? "")))
    .get("/v2/flowControl/:key", (c) => c.json(broker.dispatcher.flowControl.view(c.req.param("key"))))
    .post("/v2/flowControl/:key/pause", async (c) => {
      await broker.dispatcher.flowControl.setPaused(c.req.param("key"), true);
      return c.body(null, 200);
    })
    .post("/v2/flowControl/:key/resume", async (c) => {
      await broker.dispatcher.flowControl.setPaused(c.req.param("key"), false);
      return c.body(null, 200);
    });
