import * as z from "zod/mini";
import { FetchFailure, ResolverUnavailable } from "../../ports/fetcher.ts";
import { readCapped } from "./fetch-body.ts";
import { classify } from "./guard-address.ts";

/** Milliseconds for both questions about a name. */
const TIMEOUT = 5_000;

/** Milliseconds that an answer is kept at most; its own TTL may be shorter. */
const LONGEST_TTL = 60_000;

/** Names that are kept at a time. */
const CACHE_SIZE = 1_000;

/** Bytes of an answer: hundreds of addresses fit. */
const ANSWER_LIMIT = 65_536;

/**
 * The IPv4 and IPv6 addresses of a name.
 *
 * @throws FetchFailure `dns-failed`: ResolverUnavailable when asking again may help
 */
export type Lookup = (name: string, signal?: AbortSignal) => Promise<readonly string[]>;

export interface LookupOptions {
  /** DNS over HTTPS with `application/dns-json`. */
  readonly url: string;
  /**
   * Whether the request goes to the very addresses that are found. Then the addresses of one family suffice when a name
   * server denies the other and does not answer that it has none.
   */
  readonly pinned?: boolean;
  /** The runtime's own unless given. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
}

// https://developers.google.com/speed/public-dns/docs/doh/json, which Cloudflare follows.
const ANSWER = z.object({
  Status: z.number(),
  TC: z.optional(z.boolean()),
  Answer: z.optional(z.array(z.object({ type: z.number(), TTL: z.number(), data: z.string() }))),
});

const A = 1;
const AAAA = 28;

/** Statuses that are an answer of the name's servers; any other status leaves it unknown. */
const NO_ERROR = 0;
const NXDOMAIN = 3;

/** Answers of some servers for a record type that they do not have: FORMERR, NXDOMAIN, NOTIMP (RFC 4074, section 4). */
const DENIALS: ReadonlySet<number> = new Set([1, NXDOMAIN, 4]);

interface Found {
  readonly addresses: readonly string[];
  /** Milliseconds. */
  readonly ttl: number;
  readonly denied?: undefined;
}

interface Denial {
  readonly denied: number;
}

/**
 * Makes the resolver: asks for A and AAAA, and fails unless both answers are whole, but for a denied one (`pinned`).
 * The end of a CNAME chain is in the answer, under any name. Answers are kept for their TTL, a minute at
 * most; failures are not. Values alone are kept, never a promise: on Workers one request must not wait for the I/O of
 * another.
 */
export function createLookup(options: LookupOptions): Lookup {
  const { url, clock = Date.now } = options;
  const send = options.fetch ?? ((input: string, init: RequestInit) => fetch(input, init));
  const kept = new Map<string, { readonly addresses: readonly string[]; readonly until: number }>();

  async function ask(name: string, type: "A" | "AAAA", signal: AbortSignal): Promise<Found | Denial> {
    const response = await send(`${url}?${new URLSearchParams({ name, type })}`, {
      headers: { accept: "application/dns-json" },
      redirect: "manual",
      signal,
    });
    const { text, truncated } = await readCapped(response, ANSWER_LIMIT);
    if (response.status !== 200 || truncated)
      throw new TypeError(`The resolver answered ${response.status}.`);
    const { Status, TC, Answer = [] } = z.parse(ANSWER, JSON.parse(text));
    if (DENIALS.has(Status)) return { denied: Status };
    const records = Answer.filter((record) => record.type === A || record.type === AAAA);
    if (Status !== NO_ERROR || TC) throw new TypeError(`The answer has status ${Status} or is cut short.`);
    if (!records.every(({ data }) => classify(data))) {
      throw new FetchFailure("dns-failed", "The host's name has an invalid address.");
    }
    const ttl = Math.min(LONGEST_TTL, ...Answer.map((record) => record.TTL * 1_000));
    return { addresses: records.map(({ data }) => data), ttl };
  }

  async function askBoth(name: string, signal: AbortSignal): Promise<Found> {
    const answers = await Promise.all([ask(name, "A", signal), ask(name, "AAAA", signal)]);
    const found = answers.filter((answer) => answer.denied === undefined);
    const denials = answers.flatMap(({ denied }) => denied ?? []);
    const addresses = [...new Set(found.flatMap((answer) => answer.addresses))];
    if (denials.length > 0 && (addresses.length === 0 || !options.pinned)) {
      if (!denials.includes(NXDOMAIN)) throw new TypeError(`The answer has status ${denials[0]}.`);
      throw new FetchFailure("dns-failed", "The host's name does not exist.");
    }
    if (addresses.length === 0) throw new FetchFailure("dns-failed", "The host's name has no address.");
    return { addresses, ttl: Math.min(...found.map(({ ttl }) => ttl)) };
  }

  function keep(name: string, { addresses, ttl }: Found): void {
    kept.delete(name);
    const [oldest] = kept.size >= CACHE_SIZE ? kept.keys() : [];
    if (oldest !== undefined) kept.delete(oldest);
    if (ttl > 0) kept.set(name, { addresses, until: clock() + ttl });
  }

  return async (name, signal) => {
    const before = kept.get(name);
    if (before && before.until > clock()) return before.addresses;
    const slow = AbortSignal.timeout(TIMEOUT);
    const found = await askBoth(name, signal ? AbortSignal.any([signal, slow]) : slow).catch(explain);
    keep(name, found);
    return found.addresses;
  };
}

function explain(error: unknown): never {
  if (error instanceof FetchFailure && error.code === "dns-failed") throw error;
  const message = "The host's name could not be resolved: the resolver gave no usable answer.";
  throw new ResolverUnavailable("dns-failed", message, { cause: error });
}
