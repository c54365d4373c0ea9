import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { onTestFinished } from "vitest";
import type { Lookup } from "../../src/adapters/egress/dns.ts";
import { createFetcher } from "../../src/adapters/egress/fetch.ts";
import { createGuard } from "../../src/adapters/egress/guard.ts";
import { FetchFailure } from "../../src/ports/fetcher.ts";

/** Calls loopback, where the tests' servers are. */
export const guard = createGuard({ mode: "local", allow: [], ownHosts: [], upstashHosts: [] });

/** For fetchers that have no name to resolve. */
export const lookup: Lookup = (name) => {
  throw new Error(`${name} was looked up`);
};
export const fetcher = createFetcher({ guard, lookup });

/** Listens on a free port of 127.0.0.1 until the test ends. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    if ("closeAllConnections" in server && typeof server.closeAllConnections === "function") {
      server.closeAllConnections();
    }
    await closed;
  });
  return (server.address() as AddressInfo).port; // a TCP server that listens has one
}

export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** Serves HTTP until the test ends; the whole body is there when it answers. */
export async function serve(answer: Answer): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => answer(request, response, Buffer.concat(chunks).toString()));
  });
  return `http://127.0.0.1:${await listen(server)}`;
}

/** Answers with the request as it arrived. */
export const echo: Answer = (request, response, body) => {
  response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }));
};

/** The failure that a request ends in; anything else fails the test. */
export async function failure(work: Promise<unknown>): Promise<FetchFailure> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof FetchFailure)) throw new Error("no FetchFailure", { cause: error });
  return error;
}
