import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Clock } from "../clock.ts";
import type { HeaderMap } from "../headers.ts";
import { toHeaderMap, toPairs } from "../headers.ts";

/** One HTTP call to a destination. */
export interface Call {
  readonly url: string;
  readonly method: string;
  readonly header: HeaderMap;
  readonly body: Buffer;
  /** Milliseconds until the call counts as failed. */
  readonly timeout: number;
  /** Bytes of the response that are kept. */
  readonly keep: number;
}

/** The result of a call: the destination's answer, or the reason why there was none. */
export type Outcome =
  | { readonly kind: "answered"; readonly status: number; readonly header: HeaderMap; readonly body: Buffer }
  | { readonly kind: "failed"; readonly error: string };

/** Makes the calls, over connections that are kept open. Redirects are not followed. */
export class HttpSender {
  readonly #clock: Clock;
  readonly #http = new HttpAgent({ keepAlive: true, maxFreeSockets: 512 });
  readonly #https = new HttpsAgent({ keepAlive: true, maxFreeSockets: 512 });
  readonly #underWay = new Set<ClientRequest>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Never rejects: what goes wrong is an outcome. */
  async send(call: Call): Promise<Outcome> {
    const first = await this.#attempt(call, isSecure(call) ? this.#https : this.#http);
    if (first !== "stale-connection") return first;
    // The destination closed an idle connection just as it was taken: once more, over a new one.
    const second = await this.#attempt(call, false);
    return second === "stale-connection" ? { kind: "failed", error: "connection reset by peer" } : second;
  }

  /** Breaks off what is under way. */
  close(): void {
    for (const request of this.#underWay) request.destroy(new Error("the stand-in is stopping"));
    this.#http.destroy();
    this.#https.destroy();
  }

  async #attempt(call: Call, agent: HttpAgent | HttpsAgent | false): Promise<Outcome | "stale-connection"> {
    const request = open(call, agent);
    if (!("on" in request)) return request;
    return await new Promise((resolve) => {
      this.#underWay.add(request);
      const stopTimer = this.#clock.at(this.#clock.now() + call.timeout, () =>
        request.destroy(new Error(`timeout: no response within ${call.timeout} ms`)),
      );
      const settle = (outcome: Outcome | "stale-connection") => {
        stopTimer();
        this.#underWay.delete(request);
        resolve(outcome);
      };
      request.on("response", (response) => receive(response, call.keep, settle));
      request.on("error", (error: NodeJS.ErrnoException) => {
        const isStale = request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
        settle(isStale ? "stale-connection" : { kind: "failed", error: error.message || String(error.code) });
      });
      request.end(call.body);
    });
  }
}

const isSecure = (call: Call) => /^https:/i.test(call.url);

/** Begins the call; what Node refuses to send is a failed call like any other. */
function open(call: Call, agent: HttpAgent | HttpsAgent | false): ClientRequest | Outcome {
  const hasBody = call.body.length > 0 || !["GET", "DELETE"].includes(call.method);
  const headers = { ...call.header, ...(hasBody ? { "Content-Length": [String(call.body.length)] } : {}) };
  const request = isSecure(call) ? httpsRequest : httpRequest;
  try {
    return request(new URL(call.url), { method: call.method, headers, agent });
  } catch (error) {
    if (error instanceof TypeError) return { kind: "failed", error: error.message };
    throw error;
  }
}

/** Reads an answer to its end, so that the connection can be used again, and keeps its first bytes. */
function receive(response: IncomingMessage, keep: number, settle: (outcome: Outcome) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    if (size < keep) chunks.push(chunk.subarray(0, keep - size));
    size += chunk.length;
  });
  response.on("end", () => {
    const header = toHeaderMap(toPairs(response.rawHeaders));
    settle({ kind: "answered", status: response.statusCode ?? 0, header, body: Buffer.concat(chunks) });
  });
  response.on("error", (error) => settle({ kind: "failed", error: error.message }));
}
