import { once } from "node:events";
import { createServer } from "node:http";
import { Pool } from "undici";
import { type Sample, sample } from "./sample.ts";

/** The target of the load, and the form of a submitted task there. */
export interface Contender {
  readonly name: string;
  readonly url: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body of a task; `callbackUrl` is set where the round waits for callbacks. */
  body(callbackUrl?: string): string;
}

export interface Round {
  /** Requests or tasks under way at any moment. */
  readonly concurrency: number;
  readonly seconds: number;
}

/** Keeps `concurrency` submissions under way over kept-alive connections; what is timed is the 202. */
export async function acceptRound(contender: Contender, round: Round): Promise<Sample> {
  const pool = new Pool(contender.url, { connections: round.concurrency, pipelining: 1 });
  try {
    return await closedLoop(round, () => submit(pool, contender));
  } finally {
    await pool.close();
  }
}

/** Keeps `concurrency` tasks under way; what is timed is the way from the submission to the callback's arrival. */
export async function callbackRound(
  contender: Contender,
  receiver: CallbackReceiver,
  round: Round,
): Promise<Sample> {
  const pool = new Pool(contender.url, { connections: round.concurrency, pipelining: 1 });
  try {
    return await closedLoop(round, async () => {
      const { url, arrived } = receiver.expect();
      await submit(pool, contender, url);
      await arrived;
    });
  } finally {
    await pool.close();
  }
}

async function closedLoop(round: Round, work: () => Promise<void>): Promise<Sample> {
  const durations: number[] = [];
  const begin = performance.now();
  const end = begin + round.seconds * 1_000;
  const lane = async (): Promise<void> => {
    for (let start = performance.now(); start < end; start = performance.now()) {
      await work();
      durations.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: round.concurrency }, lane));
  return sample(durations, (performance.now() - begin) / 1_000);
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
 * The client's side of a callback: distinguishes them by the address alone, so that it costs every contender the same.
 */
export interface CallbackReceiver {
  expect(): { readonly url: string; readonly arrived: Promise<void> };
  stop(): Promise<void>;
}

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
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.set(path, resolve);
      return { url: origin + path, arrived: promise };
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
