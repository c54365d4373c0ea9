import { inject } from "vitest";
import { type Client, newProject } from "./client.ts";
import { type Hosted, host } from "./host.ts";

/** A worked example's deployment, and a client in a project of its own there. */
export interface Example {
  readonly client: Client;
  readonly hosted: Hosted;
}

/**
 * Runs the deployment of `examples/<name>` on the project's runtime and services.
 *
 * @param env what the example's own entry reads
 */
export async function hostExample(name: string, env: Readonly<Record<string, string>>): Promise<Example> {
  const { runtime, backing } = inject("stack");
  const adminToken = `${name}-admin-token`;
  const hosted = await host(runtime, `examples/${name}/main.ts`, (url) => ({
    UPSTASH_REDIS_REST_URL: backing.redis.url,
    UPSTASH_REDIS_REST_TOKEN: backing.redis.token,
    QSTASH_URL: backing.qstash.url,
    QSTASH_TOKEN: backing.qstash.token,
    QSTASH_CURRENT_SIGNING_KEY: backing.qstash.currentSigningKey,
    QSTASH_NEXT_SIGNING_KEY: backing.qstash.nextSigningKey,
    RINGBACK_PUBLIC_URL: url,
    RINGBACK_MASTER_SECRET: "a master secret that only the examples know, 32+ characters",
    RINGBACK_ADMIN_TOKEN: adminToken,
    RINGBACK_CALLBACK_POLICY: "local",
    ...env,
  }));
  const client = await newProject({ url: hosted.url, adminToken }, `${name}-${crypto.randomUUID()}`);
  return { client, hosted };
}
