import { readFile } from "node:fs/promises";
import { Redis } from "ioredis";
import * as z from "zod";
import { startBacking, startGateway } from "../../test/support/stack.ts";

/** Limits of the project that the load goes to; null is what the deployment says. */
export interface ProjectLimits {
  readonly rateLimit: number | null;
  readonly maxOpen: number | null;
}

/** The production bundle on workerd, on a redis-server that writes its log of commands as a production one does. */
export interface Deployment {
  readonly url: string;
  readonly apiKey: string;
  /** The redis-server itself, past the REST API. */
  readonly redis: Redis;
  limit(limits: ProjectLimits): Promise<void>;
  stop(): Promise<void>;
}

/** The deployment's limits for projects without their own: none that a load could reach. */
const BOUNDLESS = {
  RINGBACK_RATE_LIMIT: "100000",
  RINGBACK_READ_LIMIT: "100000",
  RINGBACK_MAX_OPEN: "100000000",
} as const;

/** The log of commands is rewritten each time that it has doubled, from this size on. */
const REWRITE_FROM = 16 * 2 ** 20;

/** The QStash stand-in keeps its messages elsewhere: what lies in Redis is the gateway's alone. */
export async function startDeployment(): Promise<Deployment> {
  const backing = await startBacking("real", { apart: true });
  try {
    const redis = new Redis(backing.redisServer ?? "");
    await redis.config("SET", "auto-aof-rewrite-min-size", REWRITE_FROM);
    await redis.config("SET", "appendonly", "yes");
    const gateway = await startGateway("workerd", backing, { env: BOUNDLESS });
    const project = await firstProject(gateway);
    return {
      url: gateway.url,
      apiKey: gateway.apiKey,
      redis,
      limit: (limits) => admin(gateway, "PATCH", `/admin/projects/${project}`, limits).then(() => undefined),
      stop: async () => {
        redis.disconnect();
        await gateway.running.stop();
        await backing.stop();
      },
    };
  } catch (error) {
    await backing.stop();
    throw error;
  }
}

interface Administered {
  readonly url: string;
  readonly adminToken: string;
}

async function admin({ url, adminToken }: Administered, method: string, path: string, body?: unknown) {
  const answer = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

const projects = z.object({ data: z.tuple([z.object({ id: z.string() })]) });

async function firstProject(gateway: Administered): Promise<string> {
  const { data } = projects.parse(await admin(gateway, "GET", "/admin/projects"));
  return data[0].id;
}

/** A process that is looked at while the load runs. */
export interface Watched {
  readonly name: string;
  readonly pid: number;
}

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/redis-server/, "redis-server"],
  [/src\/local\/redis\/main\.ts/, "Redis stand-in"],
  [/src\/local\/qstash\/main\.ts/, "QStash stand-in"],
  [/src\/local\/start\.ts/, "starter of workerd"],
  [/workerd\b.* serve\b/, "workerd"],
];

/** The processes that this one has started, and those that they have, as far as they do the deployment's work. */
export async function processesOf(parent: number): Promise<readonly Watched[]> {
  const children = (await readFile(`/proc/${parent}/task/${parent}/children`, "utf8"))
    .split(" ")
    .filter(Boolean);
  const found = await Promise.all(
    children.map(async (child): Promise<readonly Watched[]> => {
      const pid = Number(child);
      const command = (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ");
      const name = NAMES.find(([pattern]) => pattern.test(command))?.[1];
      const own = name === undefined || /run\.mjs/.test(command) ? [] : [{ name, pid }];
      return [...own, ...(await processesOf(pid))];
    }),
  );
  return found.flat();
}
