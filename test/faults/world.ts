import type { Redis } from "ioredis";
import { connect } from "./books.ts";
import { type Bundles, bundleDeployment } from "./build.ts";
import type { Conditions } from "./conditions.ts";
import type { Way } from "./faults.ts";
import { Link } from "./link.ts";
import { type Supervised, startGatewayProgram, startKeptRedis, startStandIn } from "./programs.ts";
import type { Random } from "./random.ts";

export const ADMIN_TOKEN = "storm-admin-token-storm-admin-token";

/** Everything that a storm goes over: processes, and the ways between them. */
export interface World {
  readonly links: Readonly<Record<Way, Link>>;
  readonly gateways: readonly Supervised[];
  readonly redis: Supervised;
  readonly standIns: { readonly redis: Supervised; readonly qstash: Supervised };
  /** Past every link and stand-in, for looking at it. */
  readonly books: Redis;
  /** The address of a gateway that answers, as far as a load balancer can know; past every link. */
  aGateway(): string;
  close(): Promise<void>;
}

/** The service that QStash calls itself. */
export const SERVICE = "storm";

/** How often a callback is tried: quickly, and not often, so that dead letters come about, too. */
const SCHEDULE = "1s,2s,4s,8s,8s";

/** How long a gateway is silent until nothing more is sent to it, in milliseconds: two health checks. */
const TAKEN_OUT_AFTER = 4_000;

/**
 * Starts it all: two gateways on either runtime, under one address for the queue, on a redis-server that keeps what it
 * acknowledges.
 *
 * @param receiver where everything is that is called, and that sees what handlers do
 */
export async function openWorld(
  random: Random,
  receiver: string,
  { points = [], faults }: Pick<Conditions, "points" | "faults">,
): Promise<World> {
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closing.reverse()) await one();
  };
  try {
    const bundles: Bundles = await bundleDeployment(points);
    closing.push(() => bundles.remove());
    const redis = await startKeptRedis();
    closing.push(() => redis.stop().then(() => redis.remove()));
    const standIns = {
      redis: await startStandIn("redis", redis.url),
      qstash: await startStandIn("qstash", redis.url),
    };
    closing.push(() => Promise.all([standIns.redis.stop(), standIns.qstash.stop()]));
    const gateways: Supervised[] = [];
    const some = random.fork("which gateway");
    const aGateway = (): string => {
      const up = gateways.filter(({ isUp, stillFor }) => isUp && stillFor < TAKEN_OUT_AFTER);
      return (up[some.between(0, up.length - 1)] ?? gateways[0])?.url ?? "http://127.0.0.1:9";
    };
    const open = async (way: Way, target: () => string): Promise<Link> => {
      const link = await Link.open(way, target, random.fork(way), faults);
      closing.push(() => link.close());
      return link;
    };
    const links: Record<Way, Link> = {
      "client-gateway": await open("client-gateway", aGateway),
      "qstash-gateway": await open("qstash-gateway", aGateway),
      "gateway-redis": await open("gateway-redis", () => standIns.redis.url),
      "gateway-qstash": await open("gateway-qstash", () => standIns.qstash.url),
      "gateway-receiver": await open("gateway-receiver", () => receiver),
      "qstash-service": await open("qstash-service", () => receiver),
    };
    const env = environment(links, standIns);
    for (const runtime of ["workerd", "deno"] as const) {
      const gateway = await startGatewayProgram(runtime, bundles.folder, env);
      closing.push(() => gateway.stop());
      gateways.push(gateway);
    }
    const books = connect(redis.url);
    closing.push(async () => books.disconnect());
    return { links, gateways, redis, standIns, books, aGateway, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function environment(
  links: Readonly<Record<Way, Link>>,
  { redis, qstash }: World["standIns"],
): Record<string, string> {
  const ready = (standIn: Supervised): Readonly<Record<string, string>> =>
    JSON.parse(/^ready (\{.*\})$/m.exec(standIn.output())?.[1] ?? "{}") as Record<string, string>; // its ready line
  const { token = "" } = ready(redis);
  const { token: queueToken = "", currentSigningKey = "", nextSigningKey = "" } = ready(qstash);
  return {
    UPSTASH_REDIS_REST_URL: links["gateway-redis"].url,
    UPSTASH_REDIS_REST_TOKEN: token,
    QSTASH_URL: links["gateway-qstash"].url,
    QSTASH_TOKEN: queueToken,
    QSTASH_CURRENT_SIGNING_KEY: currentSigningKey,
    QSTASH_NEXT_SIGNING_KEY: nextSigningKey,
    RINGBACK_PUBLIC_URL: links["qstash-gateway"].url,
    RINGBACK_MASTER_SECRET: "storm-master-secret-storm-master-secret",
    RINGBACK_ADMIN_TOKEN: ADMIN_TOKEN,
    RINGBACK_CALLBACK_POLICY: "local",
    RINGBACK_CALLBACK_TIMEOUT: "3s",
    RINGBACK_RETRY_SCHEDULE: SCHEDULE,
    RINGBACK_DIAGNOSTICS: "true",
    RINGBACK_SERVICES: JSON.stringify([
      { name: SERVICE, baseUrl: links["qstash-service"].url, paths: ["/service/"], timeout: "5s" },
    ]),
  };
}
