import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type Log, Receiver } from "@upstash/qstash";
import { openEngine } from "../../src/local/engine/open.ts";
import type { Engine } from "../../src/local/engine.ts";
import type { Clock } from "../../src/local/qstash/clock.ts";
import type { QStashOptions, QStashServer } from "../../src/local/qstash/server.ts";
import { startQStashServer } from "../../src/local/qstash/server.ts";

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #now = Date.now();
  readonly #tasks = new Set<{ time: number; run: () => void }>();

  now(): number {
    return this.#now;
  }

  at(time: number, run: () => void): () => void {
    const task = { time, run };
    this.#tasks.add(task);
    if (time <= this.#now) setImmediate(() => this.#runDue());
    return () => this.#tasks.delete(task);
  }

  /** Moves on and runs what has become due, in order. */
  advance(ms: number): void {
    this.#now += ms;
    this.#runDue();
  }

  #runDue(): void {
    const due = [...this.#tasks].filter(({ time }) => time <= this.#now).sort((a, b) => a.time - b.time);
    for (const task of due) if (this.#tasks.delete(task)) task.run();
  }
}

/** A request as a destination got it. */
export interface Got {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** The answer waits for this. */
  readonly after?: Promise<unknown>;
}

type Script = (got: Got, index: number) => Answer;

/** An answer that never comes. */
export const NEVER: Answer = { after: Promise.withResolvers().promise };

/** A server that QStash delivers to; requests are told apart by the first segment of their path. */
export class Destination {
  readonly #scripts = new Map<string, Script>();
  readonly #got = new Map<string, Got[]>();
  readonly #server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const path = request.url ?? "/";
    const name = /^\/([^/?]*)/.exec(path)?.[1] ?? "";
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([key, value]) => [key, String(value)]),
    );
    const got = { at: Date.now(), method: request.method ?? "", path, headers, body: Buffer.concat(chunks) };
    const index = this.got(name).push(got) - 1;
    const answer = this.#scripts.get(name)?.(got, index) ?? {};
    await answer.after;
    response.writeHead(answer.status ?? 200, answer.headers).end(answer.body ?? "");
  });
  #url = "";

  static async start(): Promise<Destination> {
    const destination = new Destination();
    destination.#server.listen(0, "127.0.0.1");
    await once(destination.#server, "listening");
    const address = destination.#server.address();
    if (typeof address !== "object" || !address) throw new Error("no address");
    destination.#url = `http://127.0.0.1:${address.port}`;
    return destination;
  }

  /** The URL of an inbox that answers by `script`, or always 200. */
  url(name: string, script?: Script): string {
    if (script) this.#scripts.set(name, script);
    return `${this.#url}/${name}`;
  }

  got(name: string): Got[] {
    const got = this.#got.get(name) ?? [];
    this.#got.set(name, got);
    return got;
  }

  async wait(name: string, count = 1, timeoutMs = 10_000): Promise<Got[]> {
    return await until(
      () => (this.got(name).length >= count ? this.got(name) : undefined),
      timeoutMs,
      () => {
        return `${this.got(name).length} of ${count} requests came to ${name}`;
      },
    );
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Asks until there is an answer. */
export async function until<T>(
  ask: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 10_000,
  complaint = () => "what was waited for did not come",
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(complaint());
    await sleep(5);
  }
}

/** A stand-in with its Redis, the official client for it, and a destination. */
export interface Bench {
  readonly server: QStashServer;
  readonly client: Client;
  readonly destination: Destination;
  readonly engine: Engine;
  readonly receiver: Receiver;
  /** Waits for `count` log entries of a message in `state`, oldest first. */
  logs(messageId: string, state: string, count?: number): Promise<Log[]>;
  stop(): Promise<void>;
}

let benches = 0;

export async function startBench(
  options: Partial<QStashOptions> & { redisUrl?: string } = {},
): Promise<Bench> {
  const { redisUrl, ...serverOptions } = options;
  const engine = serverOptions.engine ?? (await openEngine(redisUrl));
  const prefix = `qstash-test-${process.pid}-${benches++}:`;
  const server = await startQStashServer({ port: 0, prefix, ...serverOptions, engine });
  const destination = await Destination.start();
  const client = clientFor(server);
  return {
    server,
    client,
    destination,
    engine,
    receiver: new Receiver({
      currentSigningKey: server.currentSigningKey,
      nextSigningKey: server.nextSigningKey,
      devMode: false,
    }),
    logs: (messageId, state, count = 1) =>
      until(
        async () => {
          const { logs } = await client.logs({ messageIds: [messageId] });
          const found = logs.filter((log) => String(log.state) === state).reverse();
          return found.length >= count ? found : undefined;
        },
        10_000,
        () => `${messageId} has no ${count} log entries ${state}`,
      ),
    async stop() {
      await server.close();
      await destination.stop();
      await engine.close();
    },
  };
}

// The SDK also writes each failure that it throws to the console, where the tests expect failures.
for (const level of ["warn", "error"] as const) {
  const write = console[level];
  console[level] = (...args: unknown[]) => {
    if (!String(args[0]).startsWith("[Upstash QStash]")) write(...args);
  };
}

export function clientFor(server: Pick<QStashServer, "url" | "token">): Client {
  return new Client({
    baseUrl: server.url,
    token: server.token,
    devMode: false,
    enableTelemetry: false,
    retry: false,
  });
}
