import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "./client.ts";

/** One call as it reached the service, byte for byte. */
export interface Called {
  /** Unix milliseconds at which it was complete. */
  readonly at: number;
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  /** Names in lower case; several values of one name with commas between them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** How a call is answered; 200 with nothing unless it says otherwise. */
export interface ServiceAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** Sent in chunks, without a `Content-Length`. */
  readonly chunked?: true;
  readonly delayMs?: number;
  /** The connection is cut in place of an answer. */
  readonly cut?: true;
}

type Script =
  | readonly ServiceAnswer[]
  | ((call: Called, index: number) => ServiceAnswer | Promise<ServiceAnswer>);

/** A path of the service that belongs to one test. */
export interface Place {
  /** Below the service's base address. */
  readonly path: string;
  readonly calls: readonly Called[];
  /** Waits until `count` calls have come, and gives them; fails after `timeoutMs` (20 s). */
  wait(count: number, timeoutMs?: number): Promise<readonly Called[]>;
}

/** An HTTP service of somebody else's, which a deployer has configured. */
export class Upstream {
  readonly #server = createServer((request, response) => void this.#take(request, response));
  readonly #places = new Map<string, { script: Script; calls: Called[] }>();
  url = "";

  static async start(): Promise<Upstream> {
    const upstream = new Upstream();
    upstream.#server.listen(0, "127.0.0.1");
    await once(upstream.#server, "listening");
    const address = upstream.#server.address();
    if (typeof address !== "object" || !address) throw new Error("the service has no address");
    upstream.url = `http://127.0.0.1:${address.port}`;
    return upstream;
  }

  /** Opens a path; answers follow the script in order, its last one again and again. */
  open(script: Script = [], tail = "", path = `/v1/${randomUUID()}${tail}`): Place {
    const calls: Called[] = [];
    this.#places.set(path, { script, calls });
    const wait = (count: number, timeoutMs = 20_000) =>
      eventually(
        () => {
          if (calls.length >= count) return calls;
          throw new Error(`${calls.length} of ${count} calls have come to ${path}`);
        },
        { timeoutMs },
      );
    return { path, calls, wait };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url ?? "/";
    const call: Called = {
      method: request.method ?? "",
      target,
      headers: Object.fromEntries(
        Object.entries(request.headersDistinct).map(([name, values]) => [name, values?.join(", ") ?? ""]),
      ),
      body: await buffer(request),
      at: Date.now(),
    };
    const place = this.#places.get(target.split("?")[0] ?? "");
    if (!place) {
      response.writeHead(404).end();
      return;
    }
    const index = place.calls.push(call) - 1;
    const { script } = place;
    const answer =
      typeof script === "function" ? await script(call, index) : (script[index] ?? script.at(-1) ?? {});
    if (answer.delayMs) await sleep(answer.delayMs);
    if (answer.cut) response.destroy();
    else send(response, answer);
  }
}

function send(
  response: ServerResponse,
  { status = 200, headers = {}, body = "", chunked }: ServiceAnswer,
): void {
  const bytes = Buffer.from(body);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (!chunked && bytes.length > 0) response.setHeader("content-length", bytes.length);
  response.writeHead(status);
  if (chunked) response.write(bytes.subarray(0, 1));
  response.end(chunked ? bytes.subarray(1) : bytes);
}
