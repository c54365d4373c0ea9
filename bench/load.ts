import { once } from "node:events";
import { createServer } from "node:http";
import { Pool } from "undici";

/** Process groups of services that contenders use, each a column of its own. */
export interface Services {
  /** The Redis stand-in. */
  readonly rest?: number;
  readonly redis?: number;
  readonly qstash?: number;
}

/** The target of the load, and the form of a submitted task there. */
export interface Contender {
  readonly name: string;
  /** `workerd`, `deno` or `node`. */
  readonly runtime: string;
  readonly url: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The process groups whose CPU time is the contender's own. */
  readonly groups: readonly number[];
  /** The process groups of the services that it uses. */
  readonly services: Services;
  /** The body of a task; `callbackUrl` is set where the round waits for callbacks. */
  body(callbackUrl?: string): string;
}

/** How many requests or tasks a round has, and how many of them are under way at any moment. */
export interface Round {
  readonly count: number;
  readonly lanes: number;
}

/** A round as the load saw it. */
export interface Timed {
  /** Milliseconds of each, shortest first. */
  readonly durations: readonly number[];
  readonly seconds: number;
}

/** Submits over kept-alive connections; what is timed is the 202. */
export function acceptRound(contender: Contender, round: Round): Promise<Timed> {
  return withPool(contender, round, (pool) => submit(pool, contender));
}

/** Submits and waits; what is timed is the way from the submission to the callback's arrival. */
export function taskRound(contender: Contender, receiver: CallbackReceiver, round: Round): Promise<Timed> {
  return withPool(contender, round, async (pool) => {
    const { url, arrived } = receiver.expect();
    await submit(pool, contender, url);
    await arrived;
  });
}

async function withPool(
  contender: Contender,
  round: Round,
  work: (pool: Pool) => Promise<void>,
): Promise<Timed> {
  const pool = new Pool(contender.url, { connections: round.lanes, pipelining: 1 });
  try {
    return await closedLoop(round, () => work(pool));
  } finally {
    await pool.close();
  }
}

async function closedLoop({ count, lanes }: Round, work: () => Promise<void>): Promise<Timed> {
  const durations: number[] = [];
  let begun = 0;
  const begin = performance.now();
  const lane = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      const start = performance.now();
      await work();
      durations.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { durations: durations.sort((a, b) => a - b), seconds: (performance.now() - begin) / 1_000 };
}

async function submit(pool: Pool, contender: Contender, callbackUrl?: string): Promise<void> {
  const { statusCode, body } = await pool.request({
    method: "POST",
    path: contender.path,
    headers: { "content-type": "application/json", ...contender.headers },
    body: contender.body(callbackUrl),
  });
  const text = await body.text();
  if (statusCode !== 202) throw new Error(`${contender.name} answered ${statusCode}: ${text}`);
}

/**
 * The client's side of a callback. It distinguishes them by the address alone, so that it costs every contender the
 * same.
 */
export interface CallbackReceiver {
  expect(): { readonly url: string; readonly arrived: Promise<void> };
  stop(): Promise<void>;
}

/** How long a callback may take until the round fails. */
const PATIENCE = 60_000;

export async function startReceiver(): Promise<CallbackReceiver> {
  const waiting = new Map<string, () => void>();
  const server = createServer((request, response) => {
    request.resume();
    request.once("end", () => {
      response.writeHead(204).end();
      const path = request.url ?? "";
      waiting.get(path)?.();
      waiting.delete(path);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("the receiver has no address");
  const origin = `http://127.0.0.1:${address.port}`;
  let count = 0;
  return {
    expect: () => {
      const path = `/${++count}`;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const timer = setTimeout(() => reject(new Error(`no callback came to ${path}`)), PATIENCE);
      waiting.set(path, () => {
        clearTimeout(timer);
        resolve();
      });
      return { url: origin + path, arrived: promise };
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
