import { type Hosted, host } from "./host.ts";
import { type Backing, type Runtime, variablesOn } from "./stack.ts";

export const ADMIN_TOKEN = "immediate-deployment-admin-token";

/** Hosts the deployment whose task types start immediately, on services that run already or on proxies to them. */
export function hostImmediate(
  runtime: Runtime,
  backing: Backing & { readonly redisUrl?: string; readonly qstashUrl?: string },
): Promise<Hosted> {
  return host(runtime, "test/support/immediate-deployment.ts", (url) => ({
    ...variablesOn(backing, url, ADMIN_TOKEN),
    UPSTASH_REDIS_REST_URL: backing.redisUrl ?? backing.redis.url,
    QSTASH_URL: backing.qstashUrl ?? backing.qstash.url,
  }));
}
