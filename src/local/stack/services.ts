import { openEngine } from "../engine/open.ts";
import type { Engine } from "../engine.ts";
import { DEV_SIGNING_KEYS } from "../qstash/delivery/signature.ts";
import { DEV_TOKEN, startQStashServer } from "../qstash/server.ts";
import { startRedisServer } from "../redis/server.ts";
import { holdPort, onFreePort } from "./port.ts";

/** Environment variables by name. */
export type Variables = Readonly<Record<string, string>>;

export interface Services {
  /** The addresses and secrets by which the gateway reaches them. */
  readonly variables: Variables;
  /** `embedded`, `redis://…`, or the address of the service that was configured. */
  readonly redis: string;
  /** One line for people: what runs where. */
  readonly summary: string;
  /**
   * Opens the QStash stand-in, to be called once the gateway listens: what an earlier run left is delivered at
   * once, and would find nobody and be put off by QStash's backoff.
   */
  openQueue(): Promise<void>;
  close(): Promise<void>;
}

/** A part of the whole that was started, or was not needed. */
type Part = Partial<Services> & { readonly variables: Variables };

const REDIS_TOKEN = "local-redis-token";
const REDIS_PORT = 8079;
const QSTASH_PORT = 8080;

/**
 * Starts the stand-ins that the environment does not name a service for: both on the Redis at `REDIS_URL`, or
 * on one embedded engine. A stand-in whose port is taken takes a free one.
 */
export async function startServices(env: Readonly<Record<string, string | undefined>>): Promise<Services> {
  const configured = env["UPSTASH_REDIS_REST_URL"];
  const engine = configured && env["QSTASH_URL"] ? undefined : await openEngine(env["REDIS_URL"]);
  const parts: Part[] = [];
  if (engine) parts.push({ variables: {}, close: engine.close });
  if (engine && !configured)
    parts.push(await redisPart(engine, env["UPSTASH_REDIS_REST_TOKEN"] || REDIS_TOKEN));
  if (engine && !env["QSTASH_URL"]) parts.push(await queuePart(engine));
  return {
    variables: Object.assign({}, ...parts.map(({ variables }) => variables)),
    redis: configured || (engine?.name ?? ""),
    summary: parts.flatMap(({ summary }) => summary ?? []).join(", ") || "none, the services are configured",
    openQueue: async () => {
      for (const part of parts) await part.openQueue?.();
    },
    close: async () => {
      for (const part of parts.toReversed()) await part.close?.();
    },
  };
}

async function redisPart(engine: Engine, token: string): Promise<Part> {
  const server = await onFreePort(REDIS_PORT, (port) => startRedisServer({ engine, port, token }));
  return {
    variables: { UPSTASH_REDIS_REST_URL: server.url, UPSTASH_REDIS_REST_TOKEN: server.token },
    summary: `Redis ${server.url} (${engine.name})`,
    close: server.close,
  };
}

async function queuePart(engine: Engine): Promise<Part> {
  const { port, release } = await holdPort(QSTASH_PORT);
  const url = `http://127.0.0.1:${port}`;
  let close = release;
  return {
    variables: {
      QSTASH_URL: url,
      QSTASH_TOKEN: DEV_TOKEN,
      QSTASH_CURRENT_SIGNING_KEY: DEV_SIGNING_KEYS.current,
      QSTASH_NEXT_SIGNING_KEY: DEV_SIGNING_KEYS.next,
    },
    summary: `QStash ${url}`,
    openQueue: async () => {
      await release();
      const server = await startQStashServer({ engine, port });
      close = server.close;
    },
    close: () => close(),
  };
}
