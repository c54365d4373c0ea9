import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { Engine } from "../engine.ts";
import { Broker } from "./broker.ts";
import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";
import { QStashError } from "./errors.ts";
import type { ApiRequest, ApiResponse } from "./http.ts";
import { readRequest, writeResponse } from "./http.ts";
import type { Plan } from "./plan.ts";
import { PAY_AS_YOU_GO } from "./plan.ts";
import type { Route } from "./router.ts";
import { findRoute } from "./router.ts";
import { accountRoutes } from "./routes/account.ts";
import { dlqRoutes } from "./routes/dlq.ts";
import { messageRoutes } from "./routes/messages.ts";
import { publishRoutes } from "./routes/publish.ts";
import { queueRoutes } from "./routes/queues.ts";
import { scheduleRoutes } from "./routes/schedules.ts";
import { topicRoutes } from "./routes/topics.ts";
import type { SigningKeys } from "./signature.ts";
import { DEV_SIGNING_KEYS } from "./signature.ts";

/** The token of `qstash dev`'s first user, documented in howto/local-development. */
export const DEV_TOKEN = "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=";

export interface QStashOptions {
  /** The Redis that keeps everything; it is not closed along. */
  readonly engine: Engine;
  /** 0 takes a free one. */
  readonly port: number;
  /** `127.0.0.1` by default. */
  readonly host?: string;
  /** The real time by default. */
  readonly clock?: Clock;
  readonly token?: string;
  readonly signingKeys?: SigningKeys;
  /** What differs from the pay-as-you-go plan. */
  readonly plan?: Partial<Plan>;
  /** What the keys in Redis begin with, `qstash:` by default. */
  readonly prefix?: string;
  /** Log entries that are kept, 10,000 by default. */
  readonly logLimit?: number;
  /** Told of what goes wrong where no client can be told; written to stderr by default. */
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

const ROUTES: readonly Route[] = [
  ...publishRoutes,
  ...messageRoutes,
  ...dlqRoutes,
  ...scheduleRoutes,
  ...queueRoutes,
  ...topicRoutes,
  ...accountRoutes,
];

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
  const server = createServer({ keepAliveTimeout: 60_000, maxHeaderSize: 65_536 }, (request, response) => {
    void resumed.promise.then(() => serve(broker, token, request, response, onError));
  });
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

async function serve(
  broker: Broker,
  token: string,
  request: IncomingMessage,
  response: ServerResponse,
  onError: (error: Error) => void,
): Promise<void> {
  try {
    writeResponse(
      response,
      await answer(broker, token, await readRequest(request, broker.plan.maxBatchSize)),
    );
  } catch (error) {
    if (error instanceof QStashError) {
      writeResponse(response, { status: error.status, json: { error: error.message } });
    } else if (!request.socket.destroyed) {
      // A client that has gone in the middle of its request needs no answer, and is nobody's error.
      onError(error instanceof Error ? error : new Error(String(error)));
      writeResponse(response, { status: 500, json: { error: "internal server error" } });
    }
  }
}

async function answer(broker: Broker, token: string, request: ApiRequest): Promise<ApiResponse> {
  if (!isAuthorized(request, token)) throw new QStashError(401, "unauthorized: invalid token");
  const found = findRoute(ROUTES, request.method, request.path);
  if ("route" in found) return found.route.handle(broker, request, found.params);
  if (found.allowed.length > 0) throw new QStashError(405, `method ${request.method} not allowed`);
  throw new QStashError(404, `${request.path} not found`);
}

/** The token comes as a bearer or, for webhooks that can't set a header, in the query. */
function isAuthorized({ headers, query }: ApiRequest, token: string): boolean {
  const header = headers.find(([name]) => name.toLowerCase() === "authorization")?.[1];
  return header === undefined ? query.get("qstash_token") === token : header === `Bearer ${token}`;
}
