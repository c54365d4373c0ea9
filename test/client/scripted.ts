import { Ringback, type RingbackOptions } from "../../src/client/index.ts";

/** A request that the client made. */
export interface Made {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: unknown;
  /** When, by the clock of the test. */
  readonly at: number;
}

/** An answer, made when its request comes; or a failure of the connection. */
export type Reply = Response | Error | ((request: Made, signal: AbortSignal) => Response | Promise<Response>);

export const URL = "https://ringback.test/base";

/** A client whose requests are answered from a list, the last answer again and again. */
export function scripted(replies: readonly Reply[], options: Partial<RingbackOptions> = {}) {
  const made: Made[] = [];
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const request: Made = {
      url: url.replace(URL, ""),
      method: init.method ?? "GET",
      headers: new Headers(init.headers),
      body: typeof init.body === "string" ? JSON.parse(init.body) : undefined,
      at: Date.now(),
    };
    const reply = replies[made.push(request) - 1] ?? replies.at(-1);
    init.signal?.throwIfAborted();
    if (typeof reply === "function") return reply(request, init.signal ?? new AbortController().signal);
    if (reply instanceof Error) throw reply;
    return reply?.clone() ?? new Response(null, { status: 204 });
  };
  return { ringback: new Ringback({ url: URL, apiKey: "rb_test", fetch, ...options }), made };
}

export function json(body: unknown, headers: Readonly<Record<string, string>> = {}, status = 200): Response {
  return Response.json(body, { status, headers });
}

export function problem(
  code: string,
  status: number,
  members: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = {
    type: `${URL}/problems/${code}`,
    title: code,
    status,
    detail: `It is ${code}.`,
    code,
    ...members,
  };
  return Response.json(body, { status, headers: { "content-type": "application/problem+json", ...headers } });
}
