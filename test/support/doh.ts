import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** One record of an answer, its type as a number. */
export interface Rr {
  readonly name?: string;
  readonly type: number;
  readonly TTL?: number;
  readonly data: string;
}

/** The data of a name: addresses, records of any type, or how the question fails. */
export type Zone =
  | readonly string[]
  | { readonly a?: readonly string[]; readonly aaaa?: readonly string[]; readonly ttl?: number }
  | { readonly records: readonly Rr[] }
  | { readonly status: number; readonly of?: "A" | "AAAA" }
  | { readonly http: number }
  | { readonly text: string }
  | "hang";

/** Says what a name is at the moment of a question. */
export type Zones = (name: string, type: "A" | "AAAA") => Zone | undefined;

const TYPES = { A: 1, AAAA: 28 } as const;

/** DNS over HTTPS with `application/dns-json`, answering what a test says; a name it does not know does not exist. */
export class Doh {
  readonly #zones: Zones;
  readonly #server = createServer((request, response) => this.#answer(request, response));
  /** Every question in order, as `A name`. */
  readonly asked: string[] = [];
  #url = "";

  private constructor(zones: Zones) {
    this.#zones = zones;
  }

  static async start(zones: Zones): Promise<Doh> {
    const doh = new Doh(zones);
    doh.#server.listen(0, "127.0.0.1");
    await once(doh.#server, "listening");
    const address = doh.#server.address();
    if (typeof address !== "object" || !address) throw new Error("the resolver has no address");
    doh.#url = `http://127.0.0.1:${address.port}/dns-query`;
    return doh;
  }

  get url(): string {
    return this.#url;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { searchParams } = new URL(request.url ?? "/", this.#url);
    const name = searchParams.get("name") ?? "";
    const type = searchParams.get("type") === "AAAA" ? "AAAA" : "A";
    if (request.headers.accept !== "application/dns-json") {
      response.writeHead(400).end();
      return;
    }
    this.asked.push(`${type} ${name}`);
    const zone = this.#zones(name, type) ?? { status: 3 };
    if (zone === "hang") return;
    if ("http" in zone) {
      response.writeHead(zone.http, { location: "/elsewhere" }).end();
      return;
    }
    const text = "text" in zone ? zone.text : JSON.stringify(answerOf(zone, name, type));
    response.writeHead(200, { "content-type": "application/dns-json" }).end(text);
  }
}

function answerOf(
  zone: Exclude<Zone, "hang" | { http: number } | { text: string }>,
  name: string,
  type: "A" | "AAAA",
) {
  const flags = { TC: false, RD: true, RA: true, AD: false, CD: false };
  const Question = [{ name, type: TYPES[type] }];
  if ("status" in zone) {
    const applies = zone.of === undefined || zone.of === type;
    const Answer = [
      { name, type: TYPES[type], TTL: 0, data: type === "A" ? "93.184.215.14" : "2606:2800:21f::1" },
    ];
    return { Status: applies ? zone.status : 0, ...flags, Question, ...(applies ? {} : { Answer }) };
  }
  if ("records" in zone) {
    return { Status: 0, ...flags, Question, Answer: zone.records.map((rr) => ({ name, TTL: 0, ...rr })) };
  }
  const all = "length" in zone ? zone : [...(zone.a ?? []), ...(zone.aaaa ?? [])];
  const TTL = "length" in zone ? 0 : (zone.ttl ?? 0);
  const fitting = all.filter((address) => address.includes(":") === (type === "AAAA"));
  if (fitting.length === 0) return { Status: 0, ...flags, Question }; // exists, without such a record
  return {
    Status: 0,
    ...flags,
    Question,
    Answer: fitting.map((data) => ({ name, type: TYPES[type], TTL, data })),
  };
}
