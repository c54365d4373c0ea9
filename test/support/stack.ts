import { join } from "node:path";
import * as z from "zod";
import { DEVELOPMENT } from "../../src/local/stack/admin.ts";
import { freePort, node, type Running, root, start, startRedis } from "./process.ts";

export type Runtime = "workerd" | "deno";
export type RedisKind = "embedded" | "real";

/** The services behind a gateway: two stand-ins as processes of their own, so that gateways may come and go. */
export interface Backing {
  readonly redis: { readonly url: string; readonly token: string };
  readonly qstash: Qstash;
  /** The real server under the Redis stand-in, for looking at it directly; undefined when the engine is embedded. */
  readonly redisServer: string | undefined;
}

/** A backing of one's own. */
export interface StartedBacking extends Backing {
  /** The process groups; `server` is undefined when the engine is embedded. */
  readonly groups: { readonly redis: number; readonly qstash: number; readonly server: number | undefined };
  stop(): Promise<void>;
}

const qstashReady = z.object({
  url: z.url(),
  token: z.string(),
  currentSigningKey: z.string(),
  nextSigningKey: z.string(),
});
export type Qstash = z.infer<typeof qstashReady>;

const gatewayReady = z.object({
  url: z.url(),
  apiKey: z.string().startsWith("rb_"),
  adminToken: z.string(),
  console: z.url(),
  redis: z.string(),
  runtime: z.enum(["workerd", "deno"]),
});
/** The output of `npm start` once it can take tasks. */
export type Ready = z.infer<typeof gatewayReady>;

export interface Gateway extends Ready {
  readonly running: Running;
}

const READY = /^ready (\{.*\})\s*$/m;

async function startLocal<Shape extends z.ZodType>(
  file: string,
  env: Record<string, string>,
  shape: Shape,
): Promise<{ running: Running; ready: z.infer<Shape> }> {
  const { running, match } = await start({
    command: node,
    args: [join(root, "scripts/bootstrap.mjs"), file],
    env,
    ready: READY,
    timeoutMs: 90_000,
  });
  return { running, ready: shape.parse(JSON.parse(match[1] ?? "")) };
}

/**
 * Starts the stand-ins, on a redis-server or on the embedded engine.
 * @param options.apart gives the QStash stand-in no Redis, so that what is counted in Redis is the gateway's alone.
 */
export async function startBacking(
  kind: RedisKind,
  options: { appendOnly?: boolean; apart?: boolean; redisArgs?: readonly string[] } = {},
): Promise<StartedBacking> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of stops.reverse()) await one();
  };
  try {
    const server =
      kind === "real" ? await startRedis({ ...options, args: options.redisArgs ?? [] }) : undefined;
    if (server) stops.push(server.stop);
    const redisEnv: Record<string, string> = server ? { REDIS_URL: server.url } : {};
    const [redis, qstash] = await Promise.all([
      startLocal(
        "src/local/redis/main.ts",
        { ...redisEnv, PORT: `${await freePort()}` },
        z.object({ url: z.url(), token: z.string() }),
      ),
      startLocal(
        "src/local/qstash/main.ts",
        { ...(options.apart ? {} : redisEnv), PORT: `${await freePort()}` },
        qstashReady,
      ),
    ]);
    stops.push(redis.running.stop, qstash.running.stop);
    return {
      redis: redis.ready,
      qstash: qstash.ready,
      redisServer: server?.url,
      groups: { redis: redis.running.pid, qstash: qstash.running.pid, server: server?.running.pid },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** No test is refused because the machine is fast. A test of the limits names its own. */
const FREELY = { RINGBACK_RATE_LIMIT: "100000", RINGBACK_READ_LIMIT: "100000" } as const;

/**
 * The variables of a deployment on running stand-ins. Deployments that share a Redis share its master secret: otherwise
 * the doctor reports the projects of the others.
 */
export function variablesOn({ redis, qstash }: Backing, url: string, adminToken: string) {
  return {
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    QSTASH_URL: qstash.url,
    QSTASH_TOKEN: qstash.token,
    QSTASH_CURRENT_SIGNING_KEY: qstash.currentSigningKey,
    QSTASH_NEXT_SIGNING_KEY: qstash.nextSigningKey,
    RINGBACK_PUBLIC_URL: url,
    RINGBACK_MASTER_SECRET: DEVELOPMENT.masterSecret,
    RINGBACK_ADMIN_TOKEN: adminToken,
    RINGBACK_CALLBACK_POLICY: "local",
    ...FREELY,
  } as const;
}

/** Starts one gateway on services that run already (through `redisUrl` and `qstashUrl`, when proxies lie between). */
export async function startGateway(
  runtime: Runtime,
  backing: Backing,
  options: {
    redisUrl?: string;
    qstashUrl?: string;
    port?: number;
    env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Gateway> {
  const { running, ready } = await startLocal(
    "src/local/start.ts",
    {
      RUNTIME: runtime,
      PORT: `${options.port ?? (await freePort())}`,
      UPSTASH_REDIS_REST_URL: options.redisUrl ?? backing.redis.url,
      UPSTASH_REDIS_REST_TOKEN: backing.redis.token,
      QSTASH_URL: options.qstashUrl ?? backing.qstash.url,
      QSTASH_TOKEN: backing.qstash.token,
      QSTASH_CURRENT_SIGNING_KEY: backing.qstash.currentSigningKey,
      QSTASH_NEXT_SIGNING_KEY: backing.qstash.nextSigningKey,
      ...FREELY,
      ...options.env,
    },
    gatewayReady,
  );
  return { ...ready, running };
}

/** Starts the whole the way a newcomer does: one command, everything inside it. */
export async function startAll(
  runtime: Runtime,
  env: Readonly<Record<string, string>> = {},
): Promise<Gateway> {
  const { running, ready } = await startLocal(
    "src/local/start.ts",
    { RUNTIME: runtime, PORT: `${await freePort()}`, ...env },
    gatewayReady,
  );
  return { ...ready, running };
}
