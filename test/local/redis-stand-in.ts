import { Redis } from "@upstash/redis/cloudflare";
import { openEngine } from "../../src/local/engine/open.ts";
import type { Engine } from "../../src/local/engine.ts";
import { startRedisServer } from "../../src/local/redis/server.ts";
import { startRedis } from "../support/process.ts";

export const TOKEN = "test-token";
export const KINDS = ["embedded", "real"] as const;

export interface StandIn {
  readonly url: string;
  readonly engine: Engine;
  /** Forgets every key and every script. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

/** A Redis stand-in of a test file's own, over the embedded engine or a redis-server of its own. */
export async function startStandIn(
  kind: (typeof KINDS)[number],
  wrap: (engine: Engine) => Engine = (engine) => engine,
): Promise<StandIn> {
  const real = kind === "real" ? await startRedis() : undefined;
  const engine = wrap(await openEngine(real?.url));
  const server = await startRedisServer({ engine, port: 0, token: TOKEN });
  return {
    url: server.url,
    engine,
    clear: async () => {
      await engine.call(["FLUSHALL"]);
      await engine.call(["SCRIPT", "FLUSH"]);
    },
    stop: async () => {
      await server.close();
      await engine.close();
      await real?.stop();
    },
  };
}

/** The official client as the product sets it up: one request per command, strings unchanged. */
export function plainClient(url: string): Redis {
  return new Redis({
    url,
    token: TOKEN,
    enableTelemetry: false,
    automaticDeserialization: false,
    enableAutoPipelining: false,
    retry: { retries: 0 },
  });
}
