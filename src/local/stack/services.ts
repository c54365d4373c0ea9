import { openEngine } from "../engine/open.ts";
import { startQStashServer } from "../qstash/server.ts";
import { startRedisServer } from "../redis/server.ts";

/** Environment variables by name. */
export type Variables = Readonly<Record<string, string>>;

export interface Services {
  /** What the gateway needs to reach them. */
  readonly variables: Variables;
  /** `embedded`, `redis://…`, or the address of the service that was configured. */
  readonly redis: string;
  /** One line for people: what runs where. */
  readonly summary: string;
  close(): Promise<void>;
}

/** The token of a Redis stand-in unless one is configured. */
export const REDIS_TOKEN = "local-redis-token";

const REDIS_PORT = 8079;
const QSTASH_PORT = 8080;

/**
 * Starts the stand-ins that the environment does not name a service for: both on the Redis at `REDIS_URL`, or
 * on one embedded engine. A stand-in whose port is taken takes a free one.
 */
export async function startServices(env: Readonly<Record<string, string | undefined>>): Promise<Services> {
  const needsRedis = !env["UPSTASH_REDIS_REST_URL"];
  const needsQStash = !env["QSTASH_URL"];
  const closes: (() => Promise<void>)[] = [];
  const summary: string[] = [];
  const variables: Record<string, string> = {};
  let redis = env["UPSTASH_REDIS_REST_URL"] ?? "";

  if (needsRedis || needsQStash) {
    const engine = await openEngine(env["REDIS_URL"]);
    closes.unshift(engine.close);
    if (needsRedis) {
      const token = env["UPSTASH_REDIS_REST_TOKEN"] || REDIS_TOKEN;
      const server = await onPort(REDIS_PORT, (port) => startRedisServer({ engine, port, token }));
      closes.unshift(server.close);
      variables["UPSTASH_REDIS_REST_URL"] = server.url;
      variables["UPSTASH_REDIS_REST_TOKEN"] = server.token;
      redis = engine.name;
      summary.push(`Redis ${server.url} (${engine.name})`);
    }
    if (needsQStash) {
      const server = await onPort(QSTASH_PORT, (port) => startQStashServer({ engine, port }));
      closes.unshift(server.close);
      variables["QSTASH_URL"] = server.url;
      variables["QSTASH_TOKEN"] = server.token;
      variables["QSTASH_CURRENT_SIGNING_KEY"] = server.currentSigningKey;
      variables["QSTASH_NEXT_SIGNING_KEY"] = server.nextSigningKey;
      summary.push(`QStash ${server.url}`);
    }
  }
  return {
    variables,
    redis,
    summary: summary.join(", ") || "none, the services are configured",
    close: async () => {
      for (const close of closes) await close();
    },
  };
}

/** Starts a server on its usual port, or on a free one when that is taken. */
async function onPort<T>(usual: number, start: (port: number) => Promise<T>): Promise<T> {
  try {
    return await start(usual);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return start(0);
    throw error;
  }
}
