import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { type Background, createRingback } from "../../src/index.ts";
import { openEngine } from "../../src/local/engine/open.ts";
import { startQStashServer } from "../../src/local/qstash/server.ts";
import { DEVELOPMENT } from "../../src/local/stack/admin.ts";
import { diagnostics, tasks } from "../../src/task-types/index.ts";
import { type KINDS, startStandIn, TOKEN } from "../local/redis-stand-in.ts";

/** The header with which a request chooses who answers it; without it they take turns. */
export const VERSION = "x-version";

/** The gateway of the version from which a rollout begins. */
interface OldVersion {
  fetch(request: Request, background: Background): Promise<Response>;
  sweep(background: Background): Promise<void>;
}

/** One address behind which an old and a new version answer in turn, over one Redis and one queue. */
export interface Rollout {
  readonly url: string;
  readonly adminToken: string;
  /** How many requests each version has answered. */
  readonly answered: { old: number; new: number };
  /** Each version looks at what is due. */
  sweep(): Promise<void>;
  command(...words: string[]): Promise<unknown>;
  stop(): Promise<void>;
}

export async function startRollout(kind: (typeof KINDS)[number]): Promise<Rollout> {
  const [standIn, queueEngine] = [await startStandIn(kind), await openEngine()];
  const queue = await startQStashServer({ engine: queueEngine, port: 0 });
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("the front has no address");
  const url = `http://127.0.0.1:${address.port}`;
  const env = {
    UPSTASH_REDIS_REST_URL: standIn.url,
    UPSTASH_REDIS_REST_TOKEN: TOKEN,
    QSTASH_URL: queue.url,
    QSTASH_TOKEN: queue.token,
    QSTASH_CURRENT_SIGNING_KEY: queue.currentSigningKey,
    QSTASH_NEXT_SIGNING_KEY: queue.nextSigningKey,
    RINGBACK_PUBLIC_URL: url,
    RINGBACK_MASTER_SECRET: DEVELOPMENT.masterSecret,
    RINGBACK_ADMIN_TOKEN: DEVELOPMENT.adminToken,
    RINGBACK_CALLBACK_POLICY: "local",
    RINGBACK_RETRY_SCHEDULE: "1s,1s",
    RINGBACK_CALLBACK_TIMEOUT: "2s",
    RINGBACK_DIAGNOSTICS: "true",
  };
  const old = await oldVersion(env);
  const versions = { old, new: createRingback({ tasks, diagnostics })(env) };
  const underWay = new Set<Promise<unknown>>();
  const background = {
    waitUntil(work: Promise<unknown>): void {
      const tracked = work.finally(() => underWay.delete(tracked));
      underWay.add(tracked);
    },
  };
  const answered = { old: 0, new: 0 };
  let turn = 0;
  server.on("request", async (incoming, response) => {
    const asked = incoming.headers[VERSION];
    const inTurn = turn++ % 2 === 0 ? "old" : "new";
    const version = asked === "old" || asked === "new" ? asked : inTurn;
    answered[version] += 1;
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const answer = await versions[version].fetch(
      new Request(`${url}${incoming.url}`, {
        method: incoming.method ?? "GET",
        headers: Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
        ...(body.length > 0 && { body }),
      }),
      background,
    );
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  return {
    url,
    adminToken: DEVELOPMENT.adminToken,
    answered,
    sweep: async () => {
      await old.sweep(background);
      await versions.new.scheduled(undefined, env, background);
    },
    command: (...words) => standIn.engine.call(words),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await queue.close();
      await Promise.allSettled(underWay);
      await queueEngine.close();
      await standIn.stop();
    },
  };
}

async function oldVersion(env: Readonly<Record<string, string>>): Promise<OldVersion> {
  const path = join(import.meta.dirname, "../fixtures/gateway-v1.mjs");
  const module: {
    createRingback: (options: object) => (env: Readonly<Record<string, string>>) => OldVersion;
    tasks: unknown;
    diagnostics: unknown;
  } = await import(path);
  return module.createRingback({ tasks: module.tasks, diagnostics: module.diagnostics })(env);
}
