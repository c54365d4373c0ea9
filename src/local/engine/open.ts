import { CommandFailure } from "../command/failure.ts";
import { waitingLine } from "../command/patience.ts";
import type { Engine } from "../engine.ts";
import { openEmbeddedEngine } from "./embedded.ts";
import { maskedUrl, openRedisEngine } from "./server.ts";

/**
 * Opens the Redis under the local stand-ins.
 *
 * @param redisUrl `redis://…` or `rediss://…` of a running server; without it (or empty) the embedded
 * engine, which lives in this process and forgets everything when it ends.
 * @param say gets a line at once, and every ten seconds, while that server does not answer
 * @returns once the server answers: with an address it waits for the server as long as it takes.
 */
export async function openEngine(
  redisUrl?: string,
  say: (line: string) => void = (line) => console.error(line),
): Promise<Engine> {
  if (!redisUrl) return openEmbeddedEngine();
  if (!isRedisUrl(redisUrl)) throw new CommandFailure("REDIS_URL must be a redis:// or rediss:// address");
  const waiting = waitingLine(say);
  const name = maskedUrl(redisUrl);
  return openRedisEngine(redisUrl, (reason) =>
    waiting(`REDIS_URL: Redis does not answer at ${name} (${reason}); trying again`),
  );
}

function isRedisUrl(text: string): boolean {
  const url = URL.parse(text);
  if (!url || !/^rediss?:$/.test(url.protocol) || url.hostname === "") return false;
  try {
    return decodeURIComponent(`${url.username}${url.password}`) !== undefined;
  } catch {
    return false; // a percent sign that begins no byte
  }
}
