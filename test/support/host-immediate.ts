import { type Hosted, host } from "./host.ts";
import type { Backing, Runtime } from "./stack.ts";

export const ADMIN_TOKEN = "immediate-deployment-admin-token";

/** Hosts the deployment whose task types start immediately, on services that run already or on proxies to them. */
export function hostImmediate(
  runtime: Runtime,
  { redis, qstash, ...ways }: Backing & { readonly redisUrl?: string; readonly qstashUrl?: string },
): Promise<Hosted> {
  return host(runtime, "test/support/immediate-deployment.ts", (url) => ({
    UPSTASH_REDIS_REST_URL: ways.redisUrl ?? redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    QSTASH_URL: ways.qstashUrl ?? qstash.url,
    QSTASH_TOKEN: qstash.token,
    QSTASH_CURRENT_SIGNING_KEY: qstash.currentSigningKey,
    QSTASH_NEXT_SIGNING_KEY: qstash.nextSigningKey,
    RINGBACK_PUBLIC_URL: url,
    RINGBACK_MASTER_SECRET: "a master secret that only this test knows, 32+ characters",
    RINGBACK_ADMIN_TOKEN: ADMIN_TOKEN,
    RINGBACK_CALLBACK_POLICY: "local",
  }));
}
