import { parseRetryAfter } from "../shared/time/retry-after.ts";
import { RingbackError } from "./error.ts";
import { pause, within } from "./pause.ts";
import type { Problem } from "./types.ts";

/** How a gateway is reached. */
export interface ConnectionOptions {
  /** The gateway's address, with the path under which it is mounted. */
  readonly url: string;
  /** `rb_…`. Without one the request is the browser's own: the gateway decides by its cookies (`authenticate`). */
  readonly apiKey?: string;
  /** With the admin token in place of an API key: the project's id or name. */
  readonly project?: string;
  /** Sends the requests; the runtime's own fetch unless given. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Repetitions of a request that got no answer, or a 429, 502, 503 or 504; 4 unless given. */
  readonly retries?: number;
  /** Milliseconds that one request may take, without the time for which it asks the gateway to wait; 30 s unless given. */
  readonly timeout?: number;
}

/** The options of every call. */
export interface CallOptions {
  /** Ends the call. An accepted task goes on. */
  readonly signal?: AbortSignal | undefined;
}

/** The options of a call that changes something. */
export interface ChangeOptions extends CallOptions {
  /** One key, one effect, however often the call is made; a new one for each call unless given. */
  readonly idempotencyKey?: string | undefined;
}

type QueryValue = string | number | boolean | Date | undefined;
/** A query; an object is written `metadata[orderId]=o-1`. */
export type Query = Readonly<Record<string, QueryValue | Readonly<Record<string, QueryValue>>>>;

/** A request to the gateway. */
export interface Call extends ChangeOptions {
  readonly query?: Query | undefined;
  /** Goes as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Seconds for which the gateway may hold its answer back, `Prefer: wait`. */
  readonly wait?: number | undefined;
}

/** An answer of the gateway that is no refusal. */
export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** A pause that is longer is left to the caller, milliseconds. */
const LONGEST_PAUSE = 60_000;
const FIRST_PAUSE = 250;
const RETRIED: ReadonlySet<number> = new Set([0, 429, 502, 503, 504]);

/** Sends requests to one gateway with one key, and repeats those that got no answer. */
export class Connection {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: ConnectionOptions["fetch"];
  readonly #retries: number;
  readonly #timeout: number;

  /** @throws TypeError for an address that is no URL, and for a key that no header can carry */
  constructor({ url, apiKey, project, fetch, retries = 4, timeout = 30_000 }: ConnectionOptions) {
    if (apiKey !== undefined && !/^[!-~]+$/.test(apiKey))
      throw new TypeError("apiKey must be printable ASCII, without spaces and not empty");
    this.#base = new URL(url).href.replace(/[?#].*$/, "").replace(/\/+$/, "");
    this.#headers = {
      ...(apiKey === undefined ? { "ringback-request": "1" } : { authorization: `Bearer ${apiKey}` }),
      ...(project !== undefined && { "ringback-project": encodeURIComponent(project) }),
    };
    this.#fetch = fetch;
    this.#retries = retries;
    this.#timeout = timeout;
  }

  /** The answer's JSON; undefined where there is no body. */
  send<Body>(method: string, path: string, call: Call = {}): Promise<Answer<Body>> {
    return this.#repeat(method, path, call, async (response) => {
      const { status, headers } = response;
      return { status, headers, body: bodyOf(response, await response.text()) as Body }; // the gateway's contract
    });
  }

  /** The JSON of the answer alone. */
  async json<Body>(method: string, path: string, call: Call = {}): Promise<Body> {
    return (await this.send<Body>(method, path, call)).body;
  }

  /** The answer itself, as soon as its headers are there. */
  open(method: string, path: string, call: Call): Promise<Response> {
    return this.#repeat(method, path, call, async (response) => response);
  }

  async #repeat<T>(
    method: string,
    path: string,
    call: Call,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const { signal, wait = 0 } = call;
    const url = this.#base + path + queryOf(call.query);
    const init = { ...initOf(method, call, this.#headers), redirect: "manual" } as const;
    new Headers(init.headers); // throws for a value that cannot be sent, which fetch reports as it does a lost connection
    for (let tries = 0; ; tries++) {
      try {
        return await within(this.#timeout + wait * 1_000, signal, late, async (ends) => {
          const send = this.#fetch ?? fetch; // a method's `this` is none that fetch accepts
          const response = await send(url, { ...init, ...(ends && { signal: ends }) });
          // Its first answer was lost.
          const isGone = method === "DELETE" && response.status === 404 && tries > 0;
          if (response.ok || isGone)
            return await read(isGone ? new Response(null, { status: 204 }) : response);
          throw await refusal(response);
        });
      } catch (cause) {
        signal?.throwIfAborted();
        const error = cause instanceof RingbackError ? cause : unreachable(url, cause);
        const length = (error.retryAfter ?? 0) + FIRST_PAUSE * 2 ** tries * (0.5 + Math.random());
        if (!RETRIED.has(error.status) || tries >= this.#retries || length > LONGEST_PAUSE) throw error;
        await pause(length, signal);
      }
    }
  }
}

function initOf(method: string, call: Call, always: Readonly<Record<string, string>>) {
  const { body, headers, wait = 0, idempotencyKey } = call;
  return {
    method,
    headers: {
      ...always,
      ...(method === "POST" && { "idempotency-key": idempotencyKey ?? newKey() }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(wait > 0 && { prefer: `wait=${wait}` }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  };
}

/** 128 random bits; `randomUUID` is missing in a page that was loaded over http. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

function queryOf(query: Query = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]): [string, QueryValue][] =>
    typeof value === "object" && !(value instanceof Date)
      ? Object.entries(value).map(([key, one]) => [`${name}[${key}]`, one])
      : [[name, value]],
  );
  const given = pairs.flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value instanceof Date ? value.toISOString() : `${value}`]],
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}

function bodyOf(response: Response, text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch (cause) {
    throw unexpected(response, text, cause);
  }
}

/** A refusal of the gateway, or of something in front of it. */
async function refusal(response: Response): Promise<RingbackError> {
  const { status, headers } = response;
  const text = await response.text();
  if (!headers.get("content-type")?.startsWith("application/problem+json")) return unexpected(response, text);
  const problem = bodyOf(response, text) as Problem; // so it is served
  const { code, detail, requestId } = problem;
  const retryAfter = parseRetryAfter(headers.get("retry-after"), Date.now());
  return new RingbackError({ code, detail, status, requestId, problem, retryAfter });
}

/** An answer that no gateway gives: of a proxy, or of another server. */
function unexpected({ status, headers, type }: Response, text: string, cause?: unknown): RingbackError {
  const place = headers.get("location");
  const isMoved = type === "opaqueredirect" || (status >= 300 && status < 400);
  const moved = `The address leads elsewhere${place ? `, to ${place}` : ""}: give that as the url.`;
  return new RingbackError({
    code: "unexpected-answer",
    detail: isMoved ? moved : `No answer of a gateway: ${status} ${text.slice(0, 200)}`,
    status: isMoved ? status || 302 : status,
    requestId: headers.get("x-request-id") ?? undefined,
    retryAfter: parseRetryAfter(headers.get("retry-after"), Date.now()),
    cause,
  });
}

function late(): RingbackError {
  return new RingbackError({ code: "timeout", detail: "The gateway did not answer in time." });
}

function unreachable(url: string, cause: unknown): RingbackError {
  return new RingbackError({
    code: "unreachable",
    detail: `${new URL(url).origin} cannot be reached.`,
    cause,
  });
}
