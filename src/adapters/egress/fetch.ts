import { type Fetcher, FetchFailure, type GuardedInit, type UnsafeUrl } from "../../ports/fetcher.ts";
import { carrying } from "../../shared/trace/tracing.ts";
import type { Lookup } from "./dns.ts";
import { readPatiently } from "./fetch-body.ts";
import { failureCode } from "./fetch-failure.ts";
import { type Hop, outgoingHeaders, redirected } from "./fetch-hop.ts";
import type { Guard } from "./guard.ts";

/** The most hops that are followed (the Fetch standard allows 20; a client's URL needs few). */
const MAX_REDIRECTS = 5;

/** Milliseconds that a request takes at most when its caller names no other time. */
const TIMEOUT = 60_000;

/**
 * Sends one request, not following redirects. `addresses` are those that the host's name was judged by, undefined when
 * it was not resolved: a runtime that can connects to one of them and nowhere else.
 */
export type Send = (
  url: string,
  init: RequestInit,
  addresses: readonly string[] | undefined,
) => Promise<Response>;

export interface FetcherOptions {
  readonly guard: Guard;
  /** The resolver of names whose addresses the guard judges. */
  readonly lookup: Lookup;
  /** The runtime's fetch unless given. */
  readonly send?: Send;
}

/**
 * Makes the only way in which a client-supplied URL is requested: each address is judged before it is called, also
 * the addresses of its name and the redirects. Every failure becomes a {@link FetchFailure} with a stable code.
 *
 * @example
 * ```ts
 * const fetcher = createFetcher({ guard: createGuard(policy), lookup: createLookup({ url: dohUrl }) });
 * const response = await fetcher.fetch(url, { method: "POST", body, redirect: "manual" });
 * ```
 */
export function createFetcher(options: FetcherOptions): Fetcher {
  const { guard, lookup } = options;
  const send = options.send ?? ((url: string, init: RequestInit) => fetch(url, init));

  /** Judges a URL and all addresses of its host: one bad address refuses it. */
  async function vet(
    url: string,
    signal?: AbortSignal,
  ): Promise<{ unsafe: UnsafeUrl | undefined; addresses: readonly string[] | undefined }> {
    const unsafe = guard.checkUrl(url);
    const name = unsafe ? undefined : guard.nameOf(url);
    if (name === undefined) return { unsafe, addresses: undefined };
    const addresses = await lookup(name, signal);
    const [bad] = addresses.flatMap((address) => guard.checkAddress(address) ?? []);
    return { unsafe: bad && { ...bad, detail: `The host's name resolves to it: ${bad.detail}` }, addresses };
  }

  async function request(hop: Hop, signal: AbortSignal): Promise<Response> {
    const { unsafe, addresses } = await vet(hop.url, signal);
    if (unsafe) throw new FetchFailure(unsafe.code, unsafe.detail);
    const streamed = hop.body instanceof ReadableStream ? { duplex: "half" } : {}; // Node insists on it
    const init: RequestInit = {
      method: hop.method,
      headers: hop.headers,
      ...(hop.body === undefined ? {} : { body: hop.body }),
      ...streamed,
      redirect: "manual",
      signal,
    };
    return await (hop.headers.has("traceparent")
      ? carrying(() => send(hop.url, init, addresses))
      : send(hop.url, init, addresses));
  }

  async function follow(
    first: Hop,
    redirect: GuardedInit["redirect"],
    signal: AbortSignal,
  ): Promise<Response> {
    let hop = first;
    for (let redirects = 0; ; redirects += 1) {
      const response = await request(hop, signal);
      const next = redirect === "follow" ? redirected(hop, response) : undefined;
      if (!next) return response;
      await response.body?.cancel();
      if (redirects === MAX_REDIRECTS) {
        throw new FetchFailure("redirect", `There were more than ${MAX_REDIRECTS} redirects.`);
      }
      hop = next;
    }
  }

  return {
    checkUrl: (url) => guard.checkUrl(url),
    resolveAndCheck: async (url) => (await vet(url)).unsafe,
    read: readPatiently,
    async fetch(url, init) {
      init.signal?.throwIfAborted();
      const slow = new AbortController();
      const timer = setTimeout(() => slow.abort(), init.timeout ?? TIMEOUT);
      const signal = init.signal ? AbortSignal.any([init.signal, slow.signal]) : slow.signal;
      const hop = {
        url,
        method: init.method ?? "GET",
        headers: outgoingHeaders(init.headers),
        body: init.body,
      };
      try {
        return await follow(hop, init.redirect, signal);
      } catch (error) {
        throw explain(error, init.signal, slow.signal);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** The error for the caller: its own reason when it aborted, else a failure with a code and no address in it. */
function explain(error: unknown, caller: AbortSignal | undefined, slow: AbortSignal): unknown {
  if (caller?.aborted && !isTimeout(caller.reason)) return caller.reason;
  if (error instanceof FetchFailure) return error;
  if (caller?.aborted || slow.aborted) {
    return new FetchFailure("timeout", "The host did not answer in time.", { cause: error });
  }
  const { code, message } = failureCode(error);
  return new FetchFailure(code, message, { cause: error });
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof Error && reason.name === "TimeoutError";
}
