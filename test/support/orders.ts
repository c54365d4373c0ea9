import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** How a large file of orders is served. */
export interface Serving {
  /** About so many bytes of it; without an end when it is Infinity. */
  readonly bytes: number;
  /** The connection breaks after so many bytes. */
  readonly cut?: number;
  /** Milliseconds that the server rests in the middle. */
  readonly rest?: number;
}

/** The generator's totals of a file: rows and sum, in hundredths, by region. */
export type Known = ReadonlyMap<string, { readonly rows: number; readonly sum: number }>;

export interface Orders {
  readonly url: string;
  /** Requests so far for a path. */
  requests(path: string): readonly Readonly<Seen>[];
  /** Serves at a path; of several ways one request each, the last one again and again. */
  serve(path: string, ...ways: readonly (Serving | string)[]): string;
  stop(): Promise<void>;
}

const HEADER = "order,placed,region,customer,amount,note\n";
const ROWS = 10_000;
const REGIONS = ["north", "south", "east", "west", 'über, "dem" Meer', "zwei\nZeilen", ""];

const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** A block of rows that is sent again and again, of about 1 MB: quotes, commas and line ends within fields included. */
const block = (() => {
  const known = new Map<string, { rows: number; sum: number }>();
  const lines = Array.from({ length: ROWS }, (_, index) => {
    const region = REGIONS[(index * index) % REGIONS.length] ?? "";
    const amount = ((index * 7_919) % 1_000_003) - 100_000;
    const before = known.get(region) ?? { rows: 0, sum: 0 };
    known.set(region, { rows: before.rows + 1, sum: before.sum + amount });
    const customer = quoted(index % 3 === 0 ? `Kunde "${index}", GmbH` : `Customer ${index}`);
    const note = quoted(
      index % 4 === 0 ? `to the door, ${index}\nplease` : `nothing to be said of it ${index}`,
    );
    const placed = `2026-11-${10 + (index % 20)}T08:00:00Z`;
    return `${index},${placed},${quoted(region)},${customer},${(amount / 100).toFixed(2)},${note}\n`;
  });
  return { bytes: Buffer.from(lines.join("")), known };
})();

const blocksIn = (bytes: number): number => Math.ceil((bytes - HEADER.length) / block.bytes.length);

/** The content of a file of so many bytes. */
export function knownOf(bytes: number): Known {
  const times = blocksIn(bytes);
  return new Map(
    [...block.known].map(([region, { rows, sum }]) => [region, { rows: rows * times, sum: sum * times }]),
  );
}

/** One request: the bytes that were sent, and whether the connection has ended. */
interface Seen {
  sent: number;
  closed: boolean;
}

async function send(response: ServerResponse, way: Serving, seen: Seen): Promise<void> {
  const length = HEADER.length + blocksIn(way.bytes) * block.bytes.length;
  if (Number.isFinite(length)) response.setHeader("content-length", length);
  response.writeHead(200, { "content-type": "text/csv" });
  let goOn = (): void => undefined;
  for (const event of ["drain", "close"]) response.on(event, () => goOn());
  let rest = way.rest ?? 0;
  for (let piece: Buffer = Buffer.from(HEADER); seen.sent < length && !seen.closed; piece = block.bytes) {
    seen.sent += piece.length;
    if (!response.write(piece)) {
      await new Promise<void>((free) => {
        goOn = free;
      });
    }
    if (rest > 0 && seen.sent > way.bytes / 2) {
      await sleep(rest);
      rest = 0;
    }
    if (way.cut !== undefined && seen.sent > way.cut) {
      response.destroy();
      return;
    }
  }
  response.end();
}

/** Starts a server that makes its files while it sends them; nothing of them is on a disk. */
export async function serveOrders(): Promise<Orders> {
  const files = new Map<string, { ways: readonly (Serving | string)[]; requests: Seen[] }>();
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? "");
    const way = file?.ways[file.requests.length] ?? file?.ways.at(-1);
    if (!file || way === undefined) {
      response.writeHead(404).end();
      return;
    }
    const seen: Seen = { sent: 0, closed: false };
    file.requests.push(seen);
    response.once("close", () => {
      seen.closed = true;
    });
    if (typeof way === "string") response.end(way);
    else void send(response, way, seen);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("the orders have no address");
  const url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    requests: (path) => files.get(path)?.requests ?? [],
    serve: (path, ...ways) => {
      files.set(path, { ways, requests: [] });
      return url + path;
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
