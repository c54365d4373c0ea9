import type { Send } from "./fetch.ts";
import { type Connection, exchange } from "./http1.ts";

/** The part of Deno's API that is used here (https://docs.deno.com/api/deno/network). */
declare const Deno: {
  connect(options: { hostname: string; port: number; signal: AbortSignal }): Promise<Connection>;
  startTls(
    connection: Connection,
    options: { hostname: string; alpnProtocols: readonly string[] },
  ): Promise<Connection & { handshake(): Promise<unknown> }>;
};

/** Milliseconds for one address, when there are others to try. */
const CONNECT_TIMEOUT = 5_000;

/**
 * Sends a request to the very addresses that were judged: the name is not resolved again, so that a DNS server which
 * answers the runtime otherwise than the guard leads nowhere. TLS checks the certificate against the name.
 *
 * Deno's `fetch` cannot do that: `Deno.createHttpClient` has no resolver, its `tcp` transport sends https unencrypted,
 * and a tunnel of ours as its proxy is passed by where `NO_PROXY` says so. Each request has a connection of its own.
 */
export const sendToVetted: Send = async (url, init, addresses) => {
  if (!addresses) return fetch(url, init);
  const { signal: given, ...rest } = init;
  const signal = given ?? new AbortController().signal;
  const { hostname, protocol, port } = new URL(url);
  const tcp = await connect(addresses, Number(port || (protocol === "https:" ? 443 : 80)), signal);
  if (protocol !== "https:") return carry(tcp, new Request(url, rest), signal);
  const server = { hostname: hostname.replace(/\.$/, ""), alpnProtocols: ["http/1.1"] };
  const tls = await Deno.startTls(tcp, server);
  return carry(tls, new Request(url, rest), signal, () => tls.handshake());
};

/** One address after the other, in the resolver's order, until one takes the connection. */
async function connect(addresses: readonly string[], port: number, signal: AbortSignal): Promise<Connection> {
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

/** One request and its response over a connection, which closes when the signal aborts. */
async function carry(
  raw: Connection,
  request: Request,
  signal: AbortSignal,
  handshake?: () => Promise<unknown>,
): Promise<Response> {
  const connection = abortable(raw, signal);
  try {
    await handshake?.();
    return await exchange(connection, request);
  } catch (error) {
    connection.close();
    throw signal.aborted ? signal.reason : error;
  }
}

/** The connection; once the signal aborts it is closed, and fails with the signal's reason. */
function abortable(connection: Connection, signal: AbortSignal): Connection {
  let open = true;
  const close = () => {
    if (open) connection.close();
    open = false;
    signal.removeEventListener("abort", close);
  };
  const explain = (error: unknown): never => {
    throw signal.aborted ? signal.reason : error;
  };
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  return {
    read: (buffer) => connection.read(buffer).catch(explain),
    write: (bytes) => connection.write(bytes).catch(explain),
    close,
  };
}
