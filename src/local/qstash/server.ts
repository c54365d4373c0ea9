import { once } from "node:events";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import type { Engine } from "../engine.ts";
import { Broker } from "./broker.ts";
import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";
import type { Plan } from "./delivery/plan.ts";
import { PAY_AS_YOU_GO } from "./delivery/plan.ts";
import type { SigningKeys } from "./delivery/signature.ts";
import { DEV_SIGNING_KEYS } from "./delivery/signature.ts";
import { QStashError } from "./errors.ts";
import { accountRoutes } from "./routes/account.ts";
import { type Env, queryOf, rawPath } from "./routes/app.ts";
import { dlqRoutes } from "./routes/dlq.ts";
import { messageRoutes } from "./routes/messages.ts";
import { publishRoutes } from "./routes/publish.ts";
import { scheduleRoutes } from "./routes/schedules.ts";

/** The token of `qstash dev`'s first user, documented in howto/local-development. */
export const DEV_TOKEN = "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=";

export interface QStashOptions {
  /** The Redis that keeps everything; closing the server leaves it open. */
  readonly engine: Engine;
  /** 0 takes a free one. */
  readonly port: number;
  /** `127.0.0.1` by default. */
  readonly host?: string;
  /** The real time by default. */
  readonly clock?: Clock;
  readonly token?: string;
  readonly signingKeys?: SigningKeys;
  /** The differences from the pay-as-you-go plan. */
  readonly plan?: Partial<Plan>;
  /** The prefix of the keys in Redis, `qstash:` by default. */
  readonly prefix?: string;
  /** Log entries that are kept, 10,000 by default. */
  readonly logLimit?: number;
  /** Called for failures that no client sees; written to stderr by default. */
  readonly onError?: (error: Error) => void;
}

export interface QStashServer {
  readonly url: string;
  readonly token: string;
  readonly currentSigningKey: string;
  readonly nextSigningKey: string;
  /** Stops; calls under way are broken off and made again after the next start on the same Redis. */
  close(): Promise<void>;
}

/**
 * Starts a QStash of our own that answers as the service does, and takes up what an earlier one left in the
 * same Redis. One at a time: two on one Redis and one prefix would each deliver what the other has not ended.
 *
 * @throws Error `EADDRINUSE` when the port is taken; nothing has been read or delivered then.
 */
export async function startQStashServer(options: QStashOptions): Promise<QStashServer> {
  const { port, host = "127.0.0.1", token = DEV_TOKEN } = options;
  const onError = options.onError ?? ((error) => process.stderr.write(`qstash: ${error.message}\n`));
  const broker = new Broker({
    engine: options.engine,
    clock: options.clock ?? systemClock,
    plan: { ...PAY_AS_YOU_GO, ...options.plan },
    prefix: options.prefix ?? "qstash:",
    region: "EU-CENTRAL-1",
    signingKeys: options.signingKeys ?? DEV_SIGNING_KEYS,
    logLimit: options.logLimit ?? 10_000,
    onError,
  });

  const resumed = Promise.withResolvers<void>();
  const app = createApp(broker, token, resumed.promise, onError);
  const server = createServer(
    { keepAliveTimeout: 60_000, maxHeaderSize: 65_536 },
    getRequestListener(app.fetch),
  );
  server.listen(port, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  try {
    await broker.resume();
  } catch (error) {
    server.close();
    server.closeAllConnections();
    throw error;
  }
  resumed.resolve();

  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`,
    token,
    currentSigningKey: broker.signingKeys.current,
    nextSigningKey: broker.signingKeys.next,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await Promise.all([closed, broker.close()]);
    },
  };
}

/** The routes behind the token; none is served before `resumed`. */
function createApp(
  broker: Broker,
  token: string,
  resumed: Promise<void>,
  onError: (error: Error) => void,
): Hono<Env> {
  const app = new Hono<Env>({
    getPath: ({ url }, options) => (options?.env ? rawPath(options.env) : new URL(url).pathname),
  });
  app.use(async (c, next) => {
    await resumed;
    // The token comes as a bearer or, for webhooks that can't set a header, in the query.
    const header = c.req.header("Authorization");
    const isAuthorized =
      header === undefined ? queryOf(c).get("qstash_token") === token : header === `Bearer ${token}`;
    if (!isAuthorized) throw new QStashError(401, "unauthorized: invalid token");
    await next();
  });
  for (const routes of [publishRoutes, messageRoutes, dlqRoutes, scheduleRoutes, accountRoutes]) {
    app.route("/", routes(broker));
  }
  app.notFound((c) =>
    c.json({ error: `this stand-in does not offer ${c.req.method} ${rawPath(c.env)}` }, 404),
  );
  app.onError((error, c) => {
    if (error instanceof QStashError) return c.json({ error: error.message }, error.status);
    // A client that has gone in the middle of its request needs no answer, and is nobody's error.
    if (!c.env.incoming.socket.destroyed) onError(error);
    return c.json({ error: "internal server error" }, 500);
  });
  return app;
}
