import type { Engine } from "../engine.ts";
import { openEmbeddedEngine } from "./embedded.ts";
import { openRedisEngine } from "./server.ts";

/**
 * Opens the Redis under the local stand-ins.
 *
 * @param redisUrl `redis://…` or `rediss://…` of a running server; without it (or empty) the embedded
 * engine, which lives in this process and forgets everything when it ends.
 * @returns once the server answers: with an address it waits for the server as long as it takes.
 */
export async function openEngine(redisUrl?: string): Promise<Engine> {
  return redisUrl ? openRedisEngine(redisUrl) : openEmbeddedEngine();
}
