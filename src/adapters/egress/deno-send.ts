import type { IncomingMessage } from "node:http";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import { FetchFailure } from "../../ports/fetcher.ts";
import type { Send } from "./fetch.ts";
import { type ConnectionPhase, failureCode } from "./fetch-failure.ts";

/** Milliseconds for one address, when there are others to try. */
const CONNECT_TIMEOUT = 5_000;

/** Bytes of a response's head. */
const HEAD_LIMIT = 65_536;

const EMPTY_STATUSES: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * Sends a request to the very addresses that were judged: the name is not resolved again, so that a DNS server which
 * answers the runtime otherwise than the guard leads nowhere. TLS checks the certificate against the name.
 *
 * Deno's `fetch` cannot do that: `Deno.createHttpClient` has no resolver, its `tcp` transport sends https unencrypted,
 * and a tunnel of ours as its proxy is passed by where `NO_PROXY` says so. It cannot say either whether an error came
 * before or after the end of the TLS handshake, so https goes this way even to a host that was not resolved.
 * `node:https` knows nothing of the certificate authorities in `DENO_CERT`, and needs `--allow-sys` once
 * `NODE_EXTRA_CA_CERTS` is set: so Deno makes the connection, one per request, and `node:http` speaks HTTP over it.
 *
 * @throws FetchFailure, or the signal's reason
 */
export const sendToVetted: Send = async (url, init, addresses) => {
  const { signal: given, ...rest } = init;
  const { hostname, protocol, port } = new URL(url);
  const secure = protocol === "https:";
  if (!addresses && !secure) return fetch(url, init);
  const signal = given ?? new AbortController().signal;
  const request = new Request(url, rest);
  const body = new Uint8Array(await request.arrayBuffer());
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  const at = Number(port || (secure ? 443 : 80));
  const tcp = await within("connect", signal, connect(addresses ?? [host], at, signal));
  const connection = secure ? await within("handshake", signal, secured(tcp, host, signal)) : tcp;
  const answered = exchange(connection, request, body, signal);
  return await within(
    "exchange",
    signal,
    answered.then((response) => asFetched(response, request.method, signal)),
  );
};

/** The same promise; it fails with the signal's reason, or with the failure of its phase. */
function within<Value>(phase: ConnectionPhase, signal: AbortSignal, work: Promise<Value>): Promise<Value> {
  return work.catch((error: unknown) => {
    if (signal.aborted) throw signal.reason;
    const { code, message } = failureCode(error, phase);
    throw new FetchFailure(code, message, { cause: error });
  });
}

/** One address after the other, in the resolver's order, until one takes the connection. */
async function connect(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  let failure: unknown = new TypeError("There is no address to connect to.");
  for (const [index, hostname] of addresses.entries()) {
    const slow = index < addresses.length - 1 ? [AbortSignal.timeout(CONNECT_TIMEOUT)] : [];
    try {
      return await Deno.connect({ hostname, port, signal: AbortSignal.any([signal, ...slow]) });
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}

/** The connection after its TLS handshake. */
async function secured(tcp: Deno.TcpConn, hostname: string, signal: AbortSignal): Promise<Deno.TlsConn> {
  const tls = await Deno.startTls(tcp, { hostname, alpnProtocols: ["http/1.1"] });
  let open = true;
  const close = () => {
    if (open) tls.close();
    open = false;
  };
  signal.addEventListener("abort", close, { once: true });
  try {
    signal.throwIfAborted();
    await tls.handshake();
    return tls;
  } catch (error) {
    close();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/**
 * Resolves with the response's head; the connection closes with the response, or when the signal aborts. Loads
 * `node:http` when it is first called: Deno takes long for it, and an accept does without.
 */
async function exchange(
  connection: Deno.Conn,
  { url, method, headers }: Request,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const [{ request: requestOver }, { Duplex }] = await Promise.all([
    import("node:http"),
    import("node:stream"),
  ]);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const target = new URL(url);
  const socket = Duplex.fromWeb({
    readable: connection.readable as NodeReadableStream, // the same streams in other words
    writable: connection.writable,
  });
  // Without a listener, a connection that breaks after the response would end the process.
  socket.on("error", () => undefined);
  const sent = requestOver({
    createConnection: () => socket,
    method,
    path: target.pathname + target.search,
    headers: headersToSend(target.host, method, headers, body.byteLength),
    maxHeaderSize: HEAD_LIMIT,
    // Also reads bare line feeds, and chunks with a length. One exchange per connection leaves nothing to smuggle into.
    insecureHTTPParser: true,
  });
  const abort = () => socket.destroy(new Error("The request was canceled."));
  signal.addEventListener("abort", abort, { once: true });
  socket.once("close", () => signal.removeEventListener("abort", abort));
  if (signal.aborted) abort();
  sent.on("error", reject);
  sent.once("close", () => reject(new Error("The connection was closed.")));
  sent.once("upgrade", () => socket.destroy());
  sent.once("response", (response) => {
    const { statusCode = 0 } = response;
    response.on("error", () => undefined); // the reader of the body gets the error
    response.once("close", () => socket.destroy());
    if (statusCode >= 200 && statusCode <= 599) resolve(response);
    else socket.destroy(new Error("The response has no status."));
  });
  sent.end(body);
  return await promise;
}

function headersToSend(host: string, method: string, given: Headers, length: number): Record<string, string> {
  const headers = new Headers(given);
  headers.set("host", host);
  headers.set("connection", "close");
  headers.set("accept-encoding", "identity");
  if (!headers.has("accept")) headers.set("accept", "*/*");
  if (!headers.has("user-agent")) headers.set("user-agent", "Ringback");
  if (length > 0 || !["GET", "HEAD"].includes(method)) headers.set("content-length", `${length}`);
  return Object.fromEntries(headers);
}

/** The response as `fetch` gives it: its body unpacked, and failing with the signal's reason once that aborts. */
function asFetched(response: IncomingMessage, method: string, signal: AbortSignal): Response {
  const status = response.statusCode ?? 0;
  const headers = headersOf(response);
  if (method === "HEAD" || EMPTY_STATUSES.has(status)) {
    response.destroy();
    return new Response(null, { status, headers });
  }
  const encoding = headers.get("content-encoding")?.toLowerCase();
  const stream = streamOf(response, signal);
  const unpacked =
    encoding === "gzip" || encoding === "deflate"
      ? stream.pipeThrough(new DecompressionStream(encoding))
      : stream;
  return new Response(unpacked, { status, headers });
}

/** The headers that can be kept: one that `Headers` refuses, such as a value with a NUL, is left out. */
function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    try {
      headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
  return headers;
}

function streamOf(response: IncomingMessage, signal: AbortSignal): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks: AsyncIterator<Uint8Array<ArrayBuffer>> = response[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(new Uint8Array(value));
      } catch (error) {
        throw signal.aborted ? signal.reason : error;
      }
    },
    cancel: () => void response.destroy(),
  });
}
