import { Client } from "@upstash/qstash";
import { Redis } from "@upstash/redis/cloudflare";
import { Hono } from "hono";
import type { Services } from "./services.ts";

interface Task {
  readonly input: unknown;
  readonly callbackUrl: string;
}

/**
 * The glue: what one writes by hand on the same services in an afternoon. It calls back, and promises nothing:
 * no lease, no due set, no retry, no signature either way, no log.
 */
export function createGlueFloor(services: Services): Hono {
  const redis = new Redis({
    url: services.redisUrl,
    token: services.redisToken,
    enableAutoPipelining: false,
    enableTelemetry: false,
  });
  const qstash = new Client({
    baseUrl: services.qstashUrl,
    token: services.qstashToken,
    devMode: false,
    enableTelemetry: false,
  });
  const app = new Hono();
  app.get("/ready", (context) => context.text("ok"));
  app.post("/tasks", async (context) => {
    const task = await context.req.json<Task>();
    const id = crypto.randomUUID();
    await redis.set(`glue:${id}`, task, { ex: 600 });
    await qstash.publishJSON({ url: `${services.publicUrl}/run`, body: { id } });
    return context.json({ id }, 202);
  });
  app.post("/run", async (context) => {
    const { id } = await context.req.json<{ id: string }>();
    const task = await redis.get<Task>(`glue:${id}`);
    if (!task) return context.text("unknown", 404);
    const called = await fetch(task.callbackUrl, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ id, status: "succeeded", result: task.input }),
    });
    return context.text("called", called.ok ? 200 : 502);
  });
  return app;
}
