import { type Hosted, host } from "../test/support/host.ts";
import type { Backing, Runtime } from "../test/support/stack.ts";
import type { Floor } from "./floors/worker.ts";

/** Starts a floor on the same runtime and the same services as the gateway that is measured against it. */
export async function startFloor(kind: Floor["floor"], runtime: Runtime, backing: Backing): Promise<Hosted> {
  const hosted = await host(runtime, "bench/floors/worker.ts", (publicUrl) => ({
    floor: kind,
    redisUrl: backing.redis.url,
    redisToken: backing.redis.token,
    qstashUrl: backing.qstash.url,
    qstashToken: backing.qstash.token,
    publicUrl,
  }));
  const ready = await fetch(`${hosted.url}/ready`);
  if (!ready.ok) throw new Error(`the ${kind} floor on ${runtime} is not ready: ${await ready.text()}`);
  return hosted;
}
