import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import type * as z from "zod";
import { eventually } from "./client.ts";
import { callbackEvent } from "./contract.ts";

/** One request as it came in, byte for byte. */
export interface Received {
  /** Unix milliseconds at which it was complete. */
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How a request is answered; `hang` never answers. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly delayMs?: number;
  readonly hang?: true;
}

/** An address of the receiver that belongs to one test. */
export interface Inbox {
  readonly url: string;
  readonly received: readonly Received[];
  /** Waits until `count` requests have come, and gives them; fails after `timeoutMs` (15 s). */
  wait(count: number, timeoutMs?: number): Promise<readonly Received[]>;
}

export type Script = readonly Answer[] | ((request: Received, index: number) => Answer | Promise<Answer>);

/** A server that plays the client's side: callbacks go to it, and files are fetched from it. */
export class Receiver {
  readonly #server = createServer((request, response) => void this.#take(request, response));
  readonly #inboxes = new Map<string, { script: Script; received: Received[] }>();
  readonly #anywhere: Script | undefined;
  /** The requests to addresses that nobody has opened, where there is a script for them. */
  readonly elsewhere: Received[] = [];
  #url = "";

  private constructor(anywhere: Script | undefined) {
    this.#anywhere = anywhere;
  }

  /** @param anywhere how addresses are answered that nobody has opened; 404 unless given */
  static async start(anywhere?: Script): Promise<Receiver> {
    const receiver = new Receiver(anywhere);
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    const address = receiver.#server.address();
    if (typeof address !== "object" || !address) throw new Error("the receiver has no address");
    receiver.#url = `http://127.0.0.1:${address.port}`;
    return receiver;
  }

  /** Opens an address; answers follow the script in order, its last one again and again (200 without one). */
  open(script: Script = [], path = ""): Inbox {
    const name = `/${randomUUID()}${path}`;
    const received: Received[] = [];
    this.#inboxes.set(name, { script, received });
    return {
      url: this.#url + name,
      received,
      wait: (count, timeoutMs = 15_000) =>
        eventually(
          () => {
            if (received.length >= count) return received;
            throw new Error(`${received.length} of ${count} requests have come to ${name}`);
          },
          { timeoutMs },
        ),
    };
  }

  get url(): string {
    return this.#url;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const inbox =
      this.#inboxes.get(new URL(request.url ?? "/", this.#url).pathname) ??
      (this.#anywhere && { script: this.#anywhere, received: this.elsewhere });
    if (!inbox) {
      response.writeHead(404).end();
      return;
    }
    const received: Received = {
      at: Date.now(),
      method: request.method ?? "",
      path: request.url ?? "",
      headers: Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      ),
      body: Buffer.concat(chunks).toString(),
    };
    const index = inbox.received.push(received) - 1;
    const { script } = inbox;
    const answer =
      typeof script === "function" ? await script(received, index) : (script[index] ?? script.at(-1) ?? {});
    if (answer.delayMs) await sleep(answer.delayMs);
    if (!answer.hang) response.writeHead(answer.status ?? 200, answer.headers).end(answer.body ?? "");
  }
}

/**
 * The event in a callback, after both libraries that receivers use have verified it against the secret.
 * @throws what the libraries throw when the signature, the timestamp or a header is not right.
 */
export function verified(callback: Received | undefined, secret: string): z.infer<typeof callbackEvent> {
  if (!callback) throw new Error("no callback has come");
  new SvixWebhook(secret).verify(callback.body, callback.headers);
  return callbackEvent.parse(new StandardWebhook(secret).verify(callback.body, callback.headers));
}
