import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { Conditions } from "./conditions.ts";
import { type FaultKind, type LinkFault, nextFault, type Way } from "./faults.ts";
import type { Random } from "./random.ts";

/** Where a link's requests go: an address, or one of several. */
type Target = () => string;

/** One request, read whole. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** A way between two processes, over HTTP, on which a seed decides what breaks. */
export class Link {
  readonly way: Way;
  readonly #target: Target;
  readonly #random: Random;
  readonly #only: Conditions["faults"];
  /** Timers of requests that arrive once more, later. */
  readonly #late = new Set<NodeJS.Timeout>();
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server = createServer((incoming, response) => {
    this.#pass(incoming, response).catch(() => response.destroy()); // what is behind it is away: so is the link
  });
  /** How often each fault was made. */
  readonly made: Partial<Record<FaultKind | "outage", number>> = {};
  /** Every decision in order, for the log: the n-th request of a seed meets the n-th of them. */
  readonly decisions: string[] = [];
  requests = 0;
  #isFaulty = false;
  #awayUntil = 0;
  url = "";

  private constructor(way: Way, target: Target, random: Random, only: Conditions["faults"]) {
    this.way = way;
    this.#target = target;
    this.#random = random;
    this.#only = only;
  }

  /** @param only the faults that it makes, and how often */
  static async open(way: Way, target: Target, random: Random, only?: Conditions["faults"]): Promise<Link> {
    const link = new Link(way, target, random, only);
    link.#server.listen(0, "127.0.0.1");
    await once(link.#server, "listening");
    const { port } = link.#server.address() as AddressInfo; // a TCP server has no other address
    link.url = `http://127.0.0.1:${port}`;
    return link;
  }

  /** Faults are made from now on, or no more. */
  set faulty(on: boolean) {
    this.#isFaulty = on;
    if (!on) this.#awayUntil = 0;
  }

  /** Nothing gets through for so many milliseconds. */
  takeAway(ms: number): void {
    this.#awayUntil = performance.now() + ms;
  }

  async close(): Promise<void> {
    for (const timer of this.#late) clearTimeout(timer);
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
    this.#agent.destroy();
  }

  async #pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked: Asked = {
      method: incoming.method ?? "GET",
      path: incoming.url ?? "/",
      headers: incoming.headers,
      body: await buffer(incoming),
    };
    this.requests += 1;
    // On a connection that was used before, runtimes repeat by themselves what gets no answer: each gets a new one.
    response.shouldKeepAlive = false;
    const fault = this.#decide();
    switch (fault.kind) {
      case "drop-request":
        response.destroy();
        return;
      case "refuse":
        refuse(response, fault.status);
        return;
      case "cut-request":
        await this.#sendHalf(asked);
        response.destroy();
        return;
      case "delay":
        await sleep(fault.ms);
        break;
      default:
    }
    if (isStream(asked)) return this.#stream(asked, response);
    if (fault.kind === "duplicate") this.#sendLater(asked, fault.apart);
    const answer = await this.#send(asked);
    if (fault.kind === "drop-answer") response.destroy();
    else if (fault.kind === "refuse-after") refuse(response, fault.status);
    else tell(response, answer, fault.kind === "cut-answer");
  }

  #decide(): LinkFault {
    if (performance.now() < this.#awayUntil) {
      this.made.outage = (this.made.outage ?? 0) + 1;
      return { kind: "drop-request" };
    }
    if (!this.#isFaulty) return { kind: "pass" };
    const fault = nextFault(this.#random, this.way, this.#only);
    if (fault.kind === "pass") return fault;
    this.made[fault.kind] = (this.made[fault.kind] ?? 0) + 1;
    const { kind, ...details } = fault;
    this.decisions.push(`${this.way} #${this.requests} ${kind} ${Object.values(details).join(" ")}`.trim());
    return fault;
  }

  #open({ method, path, headers }: Asked) {
    const target = new URL(this.#target());
    return request(target, {
      agent: this.#agent,
      method,
      path, // a QStash destination lies raw in it: no URL parser may touch it
      headers: { ...headers, host: target.host },
    });
  }

  async #send(asked: Asked): Promise<Answered> {
    const outgoing = this.#open(asked);
    outgoing.end(asked.body);
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage]; // what node:http documents
    return {
      status: answer.statusCode ?? 502,
      headers: answer.headers,
      body: await buffer(answer),
    };
  }

  /** Sends it once more, and drops the answer. */
  #sendLater(asked: Asked, ms: number): void {
    const timer = setTimeout(() => {
      this.#late.delete(timer);
      this.#send(asked).catch(() => undefined);
    }, ms);
    this.#late.add(timer);
  }

  /** Its length says more than what comes. */
  async #sendHalf(asked: Asked): Promise<void> {
    if (asked.body.length < 2) return;
    const outgoing = this.#open({
      ...asked,
      headers: { ...asked.headers, "content-length": `${asked.body.length}` },
    });
    outgoing.once("error", () => undefined); // it is we who cut it
    await new Promise<void>((written) => {
      outgoing.write(asked.body.subarray(0, asked.body.length >> 1), () => written());
    });
    outgoing.destroy();
  }

  /** An endless stream passes as it comes, until either side closes. */
  async #stream(asked: Asked, response: ServerResponse): Promise<void> {
    const outgoing = this.#open(asked);
    response.once("close", () => outgoing.destroy());
    outgoing.end(asked.body);
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage]; // what node:http documents
    const { connection: _hop, ...headers } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, headers);
    answer.once("error", () => response.destroy()).pipe(response);
  }
}

function isStream({ path, headers }: Asked): boolean {
  return path.startsWith("/subscribe/") || headers.accept?.startsWith("text/event-stream") === true;
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-type": "text/html" }).end(`<h1>${status} on the way</h1>`);
}

function tell(response: ServerResponse, { status, headers, body }: Answered, half: boolean): void {
  const { "transfer-encoding": _chunked, connection: _hop, ...rest } = headers;
  response.writeHead(status, { ...rest, "content-length": body.length });
  if (!half || body.length < 2) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, body.length >> 1), () => response.destroy());
}
