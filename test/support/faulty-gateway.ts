import { type Client, newProject } from "./client.ts";
import { FaultProxy } from "./proxy.ts";
import { QUICK } from "./shared-stack.ts";
import { type Backing, type Gateway, type Runtime, startGateway } from "./stack.ts";

/** A gateway of a test's own whose ways to Redis and QStash lead through proxies. */
export interface FaultyGateway {
  readonly gateway: Gateway;
  readonly redis: FaultProxy;
  readonly qstash: FaultProxy;
  /** A client in a project of its own. */
  readonly client: Client;
  stop(): Promise<void>;
}

/** Starts one on a backing that runs; it does not sweep unless `env` says so. */
export async function startFaulty(
  runtime: Runtime,
  backing: Backing,
  env: Readonly<Record<string, string>> = {},
): Promise<FaultyGateway> {
  const [redis, qstash] = await Promise.all([
    FaultProxy.start(backing.redis.url),
    FaultProxy.start(backing.qstash.url),
  ]);
  const closeProxies = async (): Promise<void> => {
    await Promise.all([redis.stop(), qstash.stop()]);
  };
  try {
    const gateway = await startGateway(runtime, backing, {
      redisUrl: redis.url,
      qstashUrl: qstash.url,
      env: { ...QUICK, RINGBACK_SWEEP_INTERVAL: "1h", ...env },
    });
    const client = await newProject(gateway, `e2e-${crypto.randomUUID()}`);
    const stop = async (): Promise<void> => {
      await gateway.running.stop();
      await closeProxies();
    };
    return { gateway, redis, qstash, client, stop };
  } catch (error) {
    await closeProxies();
    throw error;
  }
}
