import { FetchFailure } from "../../ports/fetcher.ts";

/** One request of a chain of redirects. */
export interface Hop {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: BodyInit | undefined;
}

/** Headers of one connection (RFC 9110 section 7.6.1), or headers that the sender sets itself. */
const CONNECTION_HEADERS: readonly string[] = [
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Headers that a GET does not need after a redirect from POST (Fetch standard, request-body-header names). */
const BODY_HEADERS: readonly string[] = [
  "content-encoding",
  "content-language",
  "content-location",
  "content-type",
];

/** The headers that may leave: without those of a connection, those `Connection` names, and QStash's own. */
export function outgoingHeaders(given: HeadersInit | undefined): Headers {
  const headers = new Headers(given);
  const named = (headers.get("connection") ?? "").split(",").map((name) => name.trim().toLowerCase());
  const dropped = new Set([...CONNECTION_HEADERS, ...named]);
  for (const name of [...headers.keys()]) {
    if (dropped.has(name) || name.startsWith("upstash-")) headers.delete(name);
  }
  return headers;
}

/**
 * The request that a response redirects to, by the Fetch standard's HTTP-redirect fetch; undefined when it does not.
 *
 * @throws FetchFailure `redirect` when it cannot be followed
 */
export function redirected(hop: Hop, response: Response): Hop | undefined {
  const location = response.headers.get("location");
  if (!REDIRECTS.has(response.status) || location === null) return undefined;
  const target = URL.parse(location, hop.url);
  if (!target) throw new FetchFailure("redirect", "The redirect leads to an invalid URL.");
  const asGet =
    response.status === 303
      ? hop.method !== "GET" && hop.method !== "HEAD"
      : response.status < 303 && hop.method === "POST";
  if (!asGet && hop.body instanceof ReadableStream) {
    throw new FetchFailure("redirect", "The redirect asks for a body that was streamed and is gone.");
  }
  const headers = new Headers(hop.headers);
  if (asGet) for (const name of BODY_HEADERS) headers.delete(name);
  if (target.origin !== new URL(hop.url).origin) {
    headers.delete("authorization");
    headers.delete("cookie");
  }
  return {
    url: target.href,
    method: asGet ? "GET" : hop.method,
    headers,
    body: asGet ? undefined : hop.body,
  };
}
