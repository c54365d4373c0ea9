import { describe, expect, inject, test } from "vitest";
import { Client, eventually } from "../support/client.ts";
import { freePort } from "../support/process.ts";
import { QUICK } from "../support/shared-stack.ts";
import { startBacking, startGateway } from "../support/stack.ts";

describe("a gateway that meets what a newer one has stored", () => {
  test("answers 503 storage-too-new to everybody, and changes nothing", async () => {
    const { runtime, redisKind } = inject("combination");
    const [backing, port] = [await startBacking(redisKind), await freePort()];
    const redis = async (...words: string[]): Promise<unknown> => {
      const response = await fetch(backing.redis.url, {
        method: "POST",
        headers: { authorization: `Bearer ${backing.redis.token}` },
        body: JSON.stringify(words),
      });
      return response.json();
    };
    try {
      const first = await startGateway(runtime, backing, { env: QUICK });
      const key = first.apiKey;
      await first.running.stop();
      await redis("SET", "rb1:ver", "2");
      const starting = startGateway(runtime, backing, { env: QUICK, port });
      const client = new Client({ url: `http://127.0.0.1:${port}` }, key);
      const body = { type: "diagnostics.echo", input: 1 };
      const reply = await eventually(() => client.send("POST", "/v1/tasks", { body }), { timeoutMs: 30_000 });
      expect(reply.problem()).toMatchObject({ status: 503, code: "storage-too-new" });
      expect(reply.headers.get("retry-after")).toBe("30");
      for (const path of ["/v1/tasks", "/v1/deliveries", "/v1/endpoints", "/readyz"])
        expect((await client.send("GET", path)).status).toBe(503);
      expect(await redis("ZCARD", "rb1:000:due")).toEqual({ result: 0 });
      await redis("DEL", "rb1:ver"); // rolled forward, or back: it goes on by itself
      const gateway = await starting;
      const { id } = await client.submit(body);
      expect((await client.ended(id)).status).toBe("succeeded");
      await gateway.running.stop();
    } finally {
      await backing.stop();
    }
  });
});
