import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { createSign } from "../../src/adapters/crypto/sign.ts";
import { createLookup } from "../../src/adapters/egress/dns.ts";
import { createFetcher } from "../../src/adapters/egress/fetch.ts";
import { createGuard } from "../../src/adapters/egress/guard.ts";
import { createExaminer } from "../../src/adapters/qstash/examine.ts";
import { createQueue } from "../../src/adapters/qstash/queue.ts";
import { createVerifier } from "../../src/adapters/qstash/signature.ts";
import { createPayloads, type Payloads } from "../../src/adapters/redis/payloads.ts";
import { createStore } from "../../src/adapters/redis/store.ts";
import { readConfig } from "../../src/config/config.ts";
import { judgedWith } from "../../src/connect.ts";
import { createApp } from "../../src/http/app.ts";
import { openEngine } from "../../src/local/engine/open.ts";
import type { Engine } from "../../src/local/engine.ts";
import { type QStashServer, startQStashServer } from "../../src/local/qstash/server.ts";
import type { CryptoProvider } from "../../src/ports/crypto-provider.ts";
import type { Dependencies } from "../../src/ports/dependencies.ts";
import type { Store } from "../../src/ports/store.ts";
import { sweep } from "../../src/scheduling/sweep.ts";
import { httpRequestTask } from "../../src/services/http-request.ts";
import type { AnyTask } from "../../src/task.ts";
import { diagnostics } from "../../src/task-types/index.ts";
import { createRunTimes } from "../../src/tasks/run-times.ts";
import { createImmediateStarts } from "../../src/tasks/submit/immediate-start.ts";
import { ManualClock } from "../local/qstash-harness.ts";
import { type KINDS, type StandIn, startStandIn, TOKEN } from "../local/redis-stand-in.ts";
import { type Client, newProject } from "../support/client.ts";
import { FaultProxy } from "../support/proxy.ts";
import { Receiver } from "../support/receiver.ts";

const MINUTE = 60_000;
const ADMIN_TOKEN = "an-admin-token-of-some-length";

/** What a deployment is made of, where it is not as usual. */
export interface DeploymentOptions {
  /** Variables over the usual ones. */
  readonly env?: Readonly<Record<string, string>>;
  /** Task types next to the diagnostic ones. */
  readonly tasks?: readonly AnyTask[];
  /** How far the time of Redis' scripts is from Redis' own clock at first, in milliseconds. */
  readonly offset?: number;
  /** Web Crypto unless given. */
  readonly crypto?: CryptoProvider;
}

/** One node: a gateway in this process, whose own clock may be wrong. */
export interface Node {
  readonly url: string;
  readonly logged: string[];
  stop(): Promise<void>;
}

/**
 * A deployment whose time a test moves: the gateway's real parts in this process, Redis and QStash behind proxies that
 * fail as they are told. Redis' scripts are told an offset, QStash's clock stands until it is moved.
 */
export class Deployment {
  readonly adminToken: string;
  readonly engine: Engine;
  readonly redis: FaultProxy;
  readonly qstash: FaultProxy;
  readonly queue: QStashServer;
  readonly receiver: Receiver;
  readonly #standIn: StandIn;
  readonly #queueEngine: Engine;
  readonly #clock: ManualClock;
  readonly #nodes: Node[] = [];
  readonly #options: DeploymentOptions;
  #offset: number;
  #busy = 0;
  #parts: Dependencies | undefined;

  private constructor(
    standIn: StandIn,
    queue: { server: QStashServer; engine: Engine; clock: ManualClock },
    redis: FaultProxy,
    qstash: FaultProxy,
    receiver: Receiver,
    options: DeploymentOptions,
  ) {
    this.#options = options;
    this.#offset = options.offset ?? 0;
    this.adminToken = options.env?.["RINGBACK_ADMIN_TOKEN"] ?? ADMIN_TOKEN;
    this.#standIn = standIn;
    this.engine = standIn.engine;
    this.queue = queue.server;
    this.#queueEngine = queue.engine;
    this.#clock = queue.clock;
    this.redis = redis;
    this.qstash = qstash;
    this.receiver = receiver;
  }

  static async start(
    kind: (typeof KINDS)[number] = "real",
    options: DeploymentOptions = {},
  ): Promise<Deployment> {
    const standIn = await startStandIn(kind);
    const [engine, clock] = [await openEngine(), new ManualClock()];
    const server = await startQStashServer({ engine, port: 0, clock });
    const [redis, qstash] = [await FaultProxy.start(standIn.url), await FaultProxy.start(server.url)];
    const deployment = new Deployment(
      standIn,
      { server, engine, clock },
      redis,
      qstash,
      await Receiver.start(),
      options,
    );
    await deployment.node();
    return deployment;
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes) await node.stop();
    await this.queue.close();
    await Promise.all([this.redis.stop(), this.qstash.stop(), this.receiver.stop()]);
    await this.#queueEngine.close();
    await this.#standIn.stop();
  }

  /** The first node. */
  get gateway(): Node {
    const [first] = this.#nodes;
    if (!first) throw new Error("no node was started");
    return first;
  }

  /**
   * Another node of the same deployment.
   *
   * @param skew how many milliseconds its clock is off
   * @param worker the node that QStash calls for what this one publishes; itself unless given
   * @param env variables of this node alone
   */
  async node(skew = 0, worker?: Node, env: Readonly<Record<string, string>> = {}): Promise<Node> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (typeof address !== "object" || !address) throw new Error("the gateway has no address");
    const url = `http://127.0.0.1:${address.port}`;
    const logged: string[] = [];
    const deps = this.#partsOf(worker?.url ?? url, skew, logged, env);
    this.#parts ??= deps;
    this.#serve(server, deps, env);
    const stop = async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    };
    const node = { url, logged, stop };
    this.#nodes.push(node);
    return node;
  }

  /** The time that Redis' scripts are told. */
  get now(): number {
    return Date.now() + this.#offset;
  }

  project(node: Node = this.gateway): Promise<Client> {
    return newProject({ url: node.url, adminToken: this.adminToken }, `outage-${crypto.randomUUID()}`);
  }

  /** Looks at what is due, as cron does each minute. What it cannot do is in the log, as it would be. */
  async sweep(): Promise<void> {
    const deps = this.#parts;
    if (!deps) throw new Error("no node was started");
    await sweep({ ...deps, background: { waitUntil: (work) => void this.#while(work) } });
    await this.settle();
  }

  /** Time passes; with cron, which looks every minute (or as often as said). */
  async pass(time: number, { cron = true, every = MINUTE } = {}): Promise<void> {
    for (let left = time; left > 0; left -= every) {
      const step = Math.min(left, every);
      this.#offset += step;
      this.#clock.advance(step);
      await this.settle();
      if (cron) await this.sweep();
    }
  }

  /** Waits until nobody is at work: no request is being answered, and none comes. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet++) {
      await sleep(6);
      if (this.#busy > 0) quiet = -1;
    }
  }

  /** A command past the gateway. */
  async command(...words: string[]): Promise<unknown> {
    return this.engine.call(words);
  }

  /** A store whose clock moves with the deployment's. */
  #storeOver(hashes: CryptoProvider, payloads: Payloads): Store {
    const make = (offset: number) => ({
      offset,
      store: createStore({ hashes, url: this.redis.url, token: TOKEN, payloads, offset }),
    });
    let made = make(this.#offset);
    const storeNow = (): Store => {
      if (made.offset !== this.#offset) made = make(this.#offset);
      return made.store;
    };
    return new Proxy(made.store, { get: (_first, name) => Reflect.get(storeNow(), name) });
  }

  /** The variables of a node at that URL. */
  variables(publicUrl: string): Record<string, string> {
    return {
      UPSTASH_REDIS_REST_URL: this.redis.url,
      UPSTASH_REDIS_REST_TOKEN: TOKEN,
      QSTASH_URL: this.qstash.url,
      QSTASH_TOKEN: this.queue.token,
      QSTASH_CURRENT_SIGNING_KEY: this.queue.currentSigningKey,
      QSTASH_NEXT_SIGNING_KEY: this.queue.nextSigningKey,
      RINGBACK_PUBLIC_URL: publicUrl,
      RINGBACK_MASTER_SECRET: "a master secret for tests, and for nothing else",
      RINGBACK_ADMIN_TOKEN: ADMIN_TOKEN,
      ...this.#options.env,
    };
  }

  #partsOf(
    publicUrl: string,
    skew: number,
    logged: string[],
    env: Readonly<Record<string, string>>,
  ): Dependencies {
    const config = readConfig({ ...this.variables(publicUrl), ...env });
    const { qstash, settings, services } = config;
    const tasks = [httpRequestTask(services), ...diagnostics, ...(this.#options.tasks ?? [])];
    const { crypto: provider } = judgedWith(this.#options.crypto);
    const keyring = createKeyring(provider, config.master.secret, config.master.previous);
    const guard = createGuard({ mode: "local", allow: [], ownHosts: [], upstashHosts: [] });
    const store = this.#storeOver(provider, createPayloads(keyring, config.encryptsPayloads));
    return {
      settings,
      store,
      queue: createQueue({ ...qstash, publicUrl }),
      fetcher: createFetcher({ guard, lookup: createLookup({ url: "http://127.0.0.1:9/dns-query" }) }),
      sign: createSign(provider),
      hashes: provider,
      keyring,
      runTimes: createRunTimes(),
      immediate: createImmediateStarts(Date.now),
      tasks: new Map(tasks.map((task) => [task.type, task])),
      services,
      doctor: {
        queue: createExaminer({ ...qstash, publicUrl }),
        queueUrl: qstash.url,
        sweepInterval: config.sweepInterval,
        resolves: false,
      },
      log: (_level, event, fields) => void logged.push(`${event} ${JSON.stringify(fields ?? {})}`),
      random: () => 0.5,
      clock: () => Date.now() + skew,
    };
  }

  #serve(server: Server, deps: Dependencies, env: Readonly<Record<string, string>>): void {
    const verifySignature = createVerifier({
      currentSigningKey: env["QSTASH_CURRENT_SIGNING_KEY"] ?? this.queue.currentSigningKey,
      nextSigningKey: env["QSTASH_NEXT_SIGNING_KEY"] ?? this.queue.nextSigningKey,
      publicUrl: deps.settings.publicUrl,
      ...judgedWith(this.#options.crypto),
    });
    const app = createApp({ deps, verifySignature });
    const context = {
      waitUntil: (work: Promise<unknown>) => void this.#while(work),
      passThroughOnException: () => undefined,
      props: {},
    };
    server.on("request", (incoming, response) => {
      const answered = async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of incoming) chunks.push(chunk);
        const body = Buffer.concat(chunks);
        const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]);
        const request = new Request(`${deps.settings.publicUrl}${incoming.url}`, {
          method: incoming.method ?? "GET",
          headers: Object.fromEntries(headers),
          ...(body.length > 0 && { body }),
        });
        const answer = await app.fetch(request, {}, context);
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        response.end(Buffer.from(await answer.arrayBuffer()));
      };
      void this.#while(answered());
    });
  }

  async #while(work: Promise<unknown>): Promise<void> {
    this.#busy += 1;
    try {
      await work;
    } finally {
      this.#busy -= 1;
    }
  }
}
