import { makeKey, makeProject } from "../src/local/stack/admin.ts";
import { type Hosted, host, type Prepared, prepare } from "../test/support/host.ts";
import { type Backing, type Runtime, startBacking } from "../test/support/stack.ts";
import type { Startable } from "./cold.ts";
import type { Contender, Services } from "./load.ts";
import type { Floor } from "./programs/worker.ts";

/** Redis as one runs it for queues: it keeps what it was given, with the second's delay that is its default. */
export const KEEPING = ["--appendonly", "yes", "--maxmemory-policy", "noeviction"] as const;

/** The flags of wrangler.toml. */
const FLAGS = ["global_fetch_strictly_public", "enable_request_signal"] as const;

const MASTER_SECRET = "the master secret of a bench, 32 characters and more";
const ADMIN_TOKEN = "the-admin-token-of-a-bench";
const INPUT = { order: "o-1", items: [1, 2, 3], note: "what a small task carries" };

/** The contenders on one runtime. */
export interface Stage {
  readonly runtime: Runtime;
  /** Tasks that run at once. */
  readonly queued: Contender;
  /** The same, each right after its 202. */
  readonly immediate: Contender;
  readonly glue: Contender;
  /** Tasks whose start lies ahead: the cost of accepting alone. */
  readonly later: Contender;
  /** The gateway once more, as a process of its own: what it differs from `later` is noise. */
  readonly again: Contender;
  readonly limit: Contender;
  readonly script: Contender;
  /** The trivial Worker, and the programs whose cold start is compared with its. */
  readonly cold: { readonly least: Startable; readonly others: readonly Startable[] };
  stop(): Promise<void>;
}

/** The services that all stages share. QStash keeps its messages elsewhere: what Redis does is the contender's. */
export async function startServices() {
  const backing = await startBacking("real", { apart: true, redisArgs: KEEPING });
  const { redis, qstash, server } = backing.groups;
  if (server === undefined) throw new Error("there is no redis-server");
  const services: Services = { rest: redis, redis: server, qstash };
  return { backing, services };
}

/** @param start starts a Worker on the runtime */
export async function startStage(
  runtime: Runtime,
  { backing, services }: { readonly backing: Backing; readonly services: Services },
  start: typeof host = host,
): Promise<Stage> {
  const hosted: Hosted[] = [];
  const keep = async (starting: Promise<Hosted>): Promise<Hosted> => {
    const one = await starting;
    hosted.push(one);
    return one;
  };
  const prepared: Prepared[] = [];
  const put = async (preparing: Promise<Prepared>): Promise<Prepared> => {
    const one = await preparing;
    prepared.push(one);
    return one;
  };
  const stop = async (): Promise<void> => {
    await Promise.all([...hosted.map((one) => one.stop()), ...prepared.map((one) => one.remove())]);
  };
  try {
    const gateway = await keep(start(...gatewayOn(runtime, backing)));
    const second = await keep(start(...gatewayOn(runtime, backing)));
    const admin = { url: gateway.url, token: ADMIN_TOKEN };
    await makeProject(admin, "bench");
    const apiKey = await makeKey(admin, { project: "bench", scopes: ["admin"], name: "bench" });
    const floor = async (name: string, kind: Floor["floor"]): Promise<Contender> => {
      const { url, pid } = await keep(startFloor(runtime, backing, kind, start));
      const body = kind === "limit" ? bodyOf({ delay: "2h" }) : plainBody;
      const headers = { authorization: `Bearer ${apiKey}` };
      return { name, runtime, url, path: "/tasks", headers, groups: [pid], services, body };
    };
    const ours = (name: string, { url, pid }: Hosted, extra: object): Contender => ({
      ...{ name, runtime, url, path: "/v1/tasks", groups: [pid], services, body: bodyOf(extra) },
      headers: { authorization: `Bearer ${apiKey}` },
    });
    const startable = async (
      name: string,
      request: Startable["request"],
      ...program: Parameters<typeof prepare>
    ): Promise<Startable> => ({ name, request, prepared: await put(prepare(...program)) });
    const later = ours("Ringback", gateway, { delay: "2h" });
    const limit = await floor("the limit", "limit");
    return {
      runtime,
      queued: ours("Ringback", gateway, {}),
      immediate: ours("Ringback, immediate", gateway, { type: "bench.immediate-echo" }),
      later,
      again: ours("Ringback again (A/A)", second, { delay: "2h" }),
      limit,
      script: await floor("one EVALSHA", "script"),
      glue: await floor("glue", "glue"),
      cold: {
        least: await startable("a trivial Worker", later, runtime, "bench/programs/trivial.ts", noVariables),
        others: [
          await startable(
            "with Ringback's code, unused",
            later,
            runtime,
            "bench/programs/unused.ts",
            noVariables,
          ),
          await startable("the limit", limit, ...floorOn(runtime, backing, "limit")),
          await startable("Ringback", later, ...gatewayOn(runtime, backing)),
        ],
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const noVariables = () => ({});

const bodyOf = (extra: object) => (callbackUrl?: string) =>
  JSON.stringify({ type: "diagnostics.echo", input: INPUT, callbackUrl, ...extra });

/** The body for a contender that has one kind of task. */
export const plainBody = (callbackUrl?: string): string => JSON.stringify({ input: INPUT, callbackUrl });

/** The gateway, as `host` and `prepare` take it. */
function gatewayOn(runtime: Runtime, { redis, qstash }: Backing): Parameters<typeof prepare> {
  const entry = runtime === "deno" ? "bench/programs/gateway-deno.ts" : "bench/programs/gateway.ts";
  const env = (url: string) => ({
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    QSTASH_URL: qstash.url,
    QSTASH_TOKEN: qstash.token,
    QSTASH_CURRENT_SIGNING_KEY: qstash.currentSigningKey,
    QSTASH_NEXT_SIGNING_KEY: qstash.nextSigningKey,
    RINGBACK_PUBLIC_URL: url,
    RINGBACK_MASTER_SECRET: MASTER_SECRET,
    RINGBACK_ADMIN_TOKEN: ADMIN_TOKEN,
    RINGBACK_CALLBACK_POLICY: "local",
    RINGBACK_DIAGNOSTICS: "true",
    RINGBACK_RATE_LIMIT: "100000",
    RINGBACK_MAX_OPEN: "100000000",
  });
  return [runtime, entry, env, FLAGS];
}

/** A hand-written program, as `host` and `prepare` take it. */
function floorOn(runtime: Runtime, backing: Backing, floor: Floor["floor"]): Parameters<typeof prepare> {
  const env = (publicUrl: string) =>
    ({
      floor,
      redisUrl: backing.redis.url,
      redisToken: backing.redis.token,
      qstashUrl: backing.qstash.url,
      qstashToken: backing.qstash.token,
      publicUrl,
      masterSecret: MASTER_SECRET,
    }) satisfies Floor;
  return [runtime, "bench/programs/worker.ts", env, FLAGS];
}

async function startFloor(
  runtime: Runtime,
  backing: Backing,
  floor: Floor["floor"],
  start: typeof host,
): Promise<Hosted> {
  const hosted = await start(...floorOn(runtime, backing, floor));
  const ready = await fetch(`${hosted.url}/ready`);
  if (!ready.ok) throw new Error(`${floor} on ${runtime} is not ready: ${await ready.text()}`);
  return hosted;
}
