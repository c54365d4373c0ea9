import { createHash } from "node:crypto";
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";

/** One request on its way through the proxy. */
export interface Passing {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly path: string;
  readonly body: Buffer;
}

/** The treatment of a request or an answer: it goes on, the connection is cut, or something else is answered. */
export type Verdict = "pass" | "cut" | { readonly status: number; readonly body: string };

export interface Faults {
  /** The bytes that go on in place of the request's body. */
  rewrite?(passing: Passing): Buffer;
  /** Asked before a request is forwarded; it waits as long as this takes. */
  request?(passing: Passing): Verdict | Promise<Verdict>;
  /** Asked when the answer is there and the asking side has not seen it. */
  answer?(passing: Passing, status: number): Verdict | Promise<Verdict>;
}

/** Lies between the gateway and a service over HTTP: counts what passes and breaks it where a test says so. */
export class FaultProxy {
  readonly #target: URL;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server = createServer((incoming, response) => {
    this.#pass(incoming, response).catch(() => response.destroy()); // a cut towards the service is one towards us
  });
  /** Every request that has come, oldest first. */
  readonly passed: Passing[] = [];
  /** Event streams that pass at this moment; cutting one is losing its connection. */
  readonly streams = new Set<ServerResponse>();
  faults: Faults = {};
  url = "";

  private constructor(target: string) {
    this.#target = new URL(target);
  }

  static async start(target: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    const address = proxy.#server.address();
    if (typeof address !== "object" || !address) throw new Error("the proxy has no address");
    proxy.url = `http://127.0.0.1:${address.port}`;
    return proxy;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
    this.#agent.destroy();
  }

  /** Waits until no request has come for half a second. */
  async quiet(): Promise<void> {
    for (let seen = -1; seen < this.passed.length; ) {
      seen = this.passed.length;
      await sleep(500);
    }
  }

  async #pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const passing: Passing = { method: incoming.method ?? "GET", path: incoming.url ?? "/", body };
    this.passed.push(passing);
    if (obeyed((await this.faults.request?.(passing)) ?? "pass", response)) return;
    const sent = this.faults.rewrite?.(passing) ?? body;
    const { "content-length": _length, "transfer-encoding": _coding, ...received } = incoming.headers;
    const outgoing = request(this.#target, {
      agent: this.#agent,
      method: passing.method,
      path: passing.path, // a QStash destination lies raw in it: no URL parser may touch it
      headers: {
        ...received,
        ...(sent.length > 0 && { "content-length": String(sent.length) }),
        host: this.#target.host,
      },
    });
    outgoing.end(sent);
    const answers: unknown[] = await once(outgoing, "response");
    const answer = answers[0] as IncomingMessage; // what node:http documents for `response`
    if (answer.headers["content-type"]?.startsWith("text/event-stream"))
      return this.#stream(answer, response);
    const content = await buffer(answer);
    const status = answer.statusCode ?? 502;
    if (obeyed((await this.faults.answer?.(passing, status)) ?? "pass", response)) return;
    const { "transfer-encoding": _chunked, connection: _hop, ...headers } = answer.headers;
    response.writeHead(status, { ...headers, "content-length": content.length }).end(content);
  }

  /** An endless stream is passed on as it comes, until either side closes. */
  #stream(answer: IncomingMessage, response: ServerResponse): void {
    this.streams.add(response);
    response.once("close", () => {
      this.streams.delete(response);
      answer.destroy();
    });
    const { connection: _hop, ...headers } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, headers);
    answer.once("error", () => response.destroy()).pipe(response);
  }
}

function obeyed(verdict: Verdict, response: ServerResponse): boolean {
  if (verdict === "pass") return false;
  if (verdict === "cut") response.destroy();
  else response.writeHead(verdict.status, { "content-type": "text/html" }).end(verdict.body);
  return true;
}

const command = z.array(z.union([z.string(), z.number()])).min(1);

/** The commands of one request to Upstash Redis' REST API. */
export function commandsIn(passing: Passing): string[][] {
  if (passing.path.startsWith("/subscribe/"))
    return [["SUBSCRIBE", passing.path.slice("/subscribe/".length)]];
  const body: unknown = JSON.parse(passing.body.toString());
  const commands = passing.path === "/" ? [command.parse(body)] : z.array(command).parse(body);
  return commands.map((one) => one.map(String));
}

/** True when a request runs the script, by its hash or by its text. */
export function runs(passing: Passing, script: string): boolean {
  const names = [script, createHash("sha1").update(script).digest("hex")];
  return commandsIn(passing).some(
    ([name, first]) => /^EVAL(SHA)?$/i.test(name ?? "") && first !== undefined && names.includes(first),
  );
}
