import { Redis } from "@upstash/redis/cloudflare";
import { Hono } from "hono";
import type { Services } from "./services.ts";

const SCRIPT = "redis.call('SET', KEYS[1], ARGV[1], 'EX', 600) return 'ok'";

/** The first floor: the least that a durable 202 can cost, one EVALSHA through the SDK. */
export function createScriptFloor(services: Services): Hono {
  const redis = new Redis({
    url: services.redisUrl,
    token: services.redisToken,
    automaticDeserialization: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
  });
  let loaded: Promise<string> | undefined;
  const app = new Hono();
  app.get("/ready", async (context) => {
    loaded ??= redis.scriptLoad(SCRIPT);
    return context.text(await loaded);
  });
  app.post("/tasks", async (context) => {
    const body = await context.req.text();
    const id = crypto.randomUUID();
    loaded ??= redis.scriptLoad(SCRIPT);
    await redis.evalsha(await loaded, [`floor:${id}`], [body]);
    return context.json({ id }, 202);
  });
  return app;
}
