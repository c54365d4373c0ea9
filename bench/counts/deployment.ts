import { once } from "node:events";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import * as z from "zod";
import { dueKey } from "../../src/adapters/redis/keys.ts";
import { openEngine } from "../../src/local/engine/open.ts";
import { ReplyError } from "../../src/local/engine.ts";
import { startQStashServer } from "../../src/local/qstash/server.ts";
import { startRedisServer } from "../../src/local/redis/server.ts";
import { makeKey, makeProject, untilAnswered } from "../../src/local/stack/admin.ts";
import { freePort, startRedis } from "../../test/support/process.ts";
import { FaultProxy } from "../../test/support/proxy.ts";
import worker from "../programs/gateway.ts";
import type { Count } from "../results.ts";

/**
 * The Worker in this very process, on a redis-server and the stand-ins of its own. It sweeps when it is told
 * to. One per process: a Worker keeps its first environment.
 */
export interface Deployment {
  readonly url: string;
  readonly authorization: string;
  /** Answers a request of a client. */
  call(
    method: string,
    path: string,
    body?: object,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>;
  /** The cost of the work, all that it leaves under way included. */
  count(work: () => Promise<void>): Promise<Count>;
  /** The cost of one sweep, while a task may run. */
  countSweep(): Promise<Count>;
  /** Lets the sweep find the task due; returns the milliseconds until the last sweep wanted to look again. */
  hasten(task: string): Promise<number>;
  stop(): Promise<void>;
}

const TOKEN = "redis-token";
const ADMIN_TOKEN = "the-admin-token-of-the-counts";

/** Free of charge at Upstash (https://upstash.com/pricing/redis), or asked by the stand-in for itself. */
const FREE = new Set(["info", "client", "hello", "config", "command", "auth", "select", "ping"]);

export async function startDeployment(): Promise<Deployment> {
  const server = await startRedis();
  const engine = await openEngine(server.url);
  const queueEngine = await openEngine(undefined);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const rest = await startRedisServer({ engine, port: 0, token: TOKEN });
  const queue = await startQStashServer({ engine: queueEngine, port: 0 });
  const [redis, qstash] = await Promise.all([FaultProxy.start(rest.url), FaultProxy.start(queue.url)]);

  const env = {
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: TOKEN,
    QSTASH_URL: qstash.url,
    QSTASH_TOKEN: queue.token,
    QSTASH_CURRENT_SIGNING_KEY: queue.currentSigningKey,
    QSTASH_NEXT_SIGNING_KEY: queue.nextSigningKey,
    RINGBACK_PUBLIC_URL: url,
    RINGBACK_MASTER_SECRET: "the master secret of the counts, 32 characters and more",
    RINGBACK_ADMIN_TOKEN: ADMIN_TOKEN,
    RINGBACK_CALLBACK_POLICY: "local",
    RINGBACK_DIAGNOSTICS: "true",
    RINGBACK_RETRY_SCHEDULE: "1s",
    RINGBACK_LOG_LEVEL: "error",
  };
  const underWay = new Set<Promise<unknown>>();
  const track = (work: Promise<unknown>): void => {
    const tracked: Promise<unknown> = work.finally(() => underWay.delete(tracked));
    underWay.add(tracked);
  };
  const context = { waitUntil: track, passThroughOnException: () => undefined, props: {} };
  let messages = 0;
  const answer = (request: Request): Promise<Response> => {
    if (new URL(request.url).pathname.startsWith("/internal/")) messages += 1;
    const answering = worker.fetch(request, env, context);
    track(answering);
    return answering;
  };
  const http = createServer(getRequestListener(answer, { overrideGlobalObjects: false }));
  http.listen(port, "127.0.0.1");
  await once(http, "listening");

  const command = async (...words: string[]) => {
    const reply = await engine.call(words);
    if (reply instanceof ReplyError) throw new Error(reply.message);
    return reply;
  };
  const look = async () => ({
    requests: redis.passed.length,
    commands: await commandsOf(command),
    messages,
    publishes: qstash.passed.reduce(
      (sum, { method, path, body }) => sum + publishesIn(method, path, body),
      0,
    ),
  });
  const idle = async (): Promise<void> => {
    while (underWay.size > 0) await Promise.allSettled(underWay);
  };
  const measured = async (work: () => Promise<void>): Promise<Count> => {
    const before = await look();
    await work();
    const after = await look();
    return {
      requests: after.requests - before.requests,
      commands: after.commands - before.commands,
      messages: after.messages - before.messages,
      publishes: after.publishes - before.publishes,
    };
  };
  const sweep = async (): Promise<void> => {
    const works: Promise<unknown>[] = [];
    await worker.scheduled({}, env, { ...context, waitUntil: (work) => void works.push(work) });
    for (const work of works) await work; // more may come meanwhile
  };
  const admin = { url, token: ADMIN_TOKEN };
  const key = await untilAnswered(async () => {
    await makeProject(admin, "counts");
    return makeKey(admin, { project: "counts", scopes: ["admin"], name: "counts" });
  }, new AbortController().signal);
  const authorization = `Bearer ${key}`;
  return {
    url,
    authorization,
    call: (method, path, body, headers) =>
      fetch(url + path, {
        method,
        headers: { authorization, ...(body && { "content-type": "application/json" }), ...headers },
        ...(body && { body: JSON.stringify(body) }),
      }),
    count: async (work) => {
      await idle();
      return measured(async () => {
        await work();
        await idle();
      });
    },
    countSweep: () => measured(sweep),
    hasten: async (task) => {
      const members = z.array(z.coerce.string()).parse(await command("ZRANGE", dueKey(0), "0", "-1"));
      const member = members.find((one) => one.includes(task));
      if (member === undefined) throw new Error(`${task} has no due entry`);
      const ahead = Number(await command("ZSCORE", dueKey(0), member)) - Date.now();
      await command("ZADD", dueKey(0), "XX", "1", member);
      return ahead;
    },
    stop: async () => {
      http.closeAllConnections();
      http.close();
      await Promise.all([redis.stop(), qstash.stop()]);
      await queue.close();
      await rest.close();
      await engine.close();
      await queueEngine.close();
      await server.stop();
    },
  };
}

async function commandsOf(command: (...words: string[]) => Promise<unknown>): Promise<number> {
  const stats = String(await command("INFO", "commandstats"));
  return [...stats.matchAll(/^cmdstat_([^:|]+)[^:]*:calls=(\d+)/gm)]
    .filter(([, name]) => !FREE.has(name ?? ""))
    .reduce((sum, [, , calls]) => sum + Number(calls), 0);
}

/** Messages that a request gives to QStash. */
function publishesIn(method: string, path: string, body: Buffer): number {
  if (method !== "POST") return 0;
  if (path.startsWith("/v2/publish/")) return 1;
  return path.startsWith("/v2/batch") ? z.array(z.unknown()).parse(JSON.parse(body.toString())).length : 0;
}
