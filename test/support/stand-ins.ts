import { startQStashServer } from "../../src/local/qstash/server.ts";
import { startStandIn, TOKEN } from "../local/redis-stand-in.ts";

export const ADMIN_TOKEN = "an-admin-token-of-some-length";

export interface Services {
  /** The variables of a gateway at this address. */
  variables(publicUrl: string): Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** A Redis and a QStash for gateways of one test file. */
export async function startServices(): Promise<Services> {
  const [redis, queueRedis] = await Promise.all([startStandIn("embedded"), startStandIn("embedded")]);
  const queue = await startQStashServer({ engine: queueRedis.engine, port: 0 });
  return {
    variables: (publicUrl) => ({
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: TOKEN,
      QSTASH_URL: queue.url,
      QSTASH_TOKEN: queue.token,
      QSTASH_CURRENT_SIGNING_KEY: queue.currentSigningKey,
      QSTASH_NEXT_SIGNING_KEY: queue.nextSigningKey,
      RINGBACK_PUBLIC_URL: publicUrl,
      RINGBACK_MASTER_SECRET: "a master secret for tests, and for nothing else",
      RINGBACK_ADMIN_TOKEN: ADMIN_TOKEN,
      RINGBACK_CALLBACK_POLICY: "local",
    }),
    stop: async () => {
      await queue.close();
      await Promise.all([redis.stop(), queueRedis.stop()]);
    },
  };
}

/** A new API key of the project `orders`, and the project's signing secret. */
export async function newProject(
  gateway: string,
  send: (request: Request) => Promise<Response> = fetch,
): Promise<{ key: string; secret: string }> {
  const made = new Request(`${gateway}/admin/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({
      project: "orders",
      scopes: ["tasks:write", "tasks:read", "secrets:read"],
    }),
  });
  const { key } = (await (await send(made)).json()) as { readonly key: string };
  const read = new Request(`${gateway}/v1/signing-secret`, { headers: { authorization: `Bearer ${key}` } });
  const { secret } = (await (await send(read)).json()) as { readonly secret: string };
  return { key, secret };
}
