import type { UnsafeUrl } from "../../ports/fetcher.ts";
import { type AddressClass, classify, unmapped } from "./guard-address.ts";
import {
  canonicalHost,
  type HostEntry,
  hostOf,
  matches,
  parseAllow,
  parseHosts,
  portOf,
} from "./guard-entry.ts";
import { judgeName } from "./guard-name.ts";

export interface GuardPolicy {
  /** `local` also calls http, any port, IP literals, loopback, private addresses and single-label names. */
  readonly mode: "strict" | "local";
  /** Exceptions: `host`, `host:port`, `:port`, IP literals. Metadata, our own and Upstash's hosts have none. */
  readonly allow: readonly string[];
  /** The gateway's own hosts, `host` or `host:port`. */
  readonly ownHosts: readonly string[];
  /** The hosts of Redis and QStash, `host` or `host:port`. */
  readonly upstashHosts: readonly string[];
}

export interface Guard {
  /** The verdict that the URL alone allows; never throws. */
  checkUrl(url: string): UnsafeUrl | undefined;
  /** Judges one address that a name resolved to (dotted IPv4, IPv6 without brackets); never throws. */
  checkAddress(address: string): UnsafeUrl | undefined;
  /**
   * The name whose addresses must be judged before the URL is called. Undefined for an IP literal, for a host that
   * the deployer listed (it may be known to a private resolver alone), and under `local`; never throws.
   */
  nameOf(url: string): string | undefined;
}

const STRICT_PORTS: ReadonlySet<number> = new Set([443, 8443]);

const CLASS_RULES: Readonly<Record<Exclude<AddressClass, "public">, string>> = {
  private: "The address is private; it must be a public one.",
  loopback: "The address is a loopback address; it must be a public one.",
  metadata: "The address is link-local or a metadata service of a cloud, which is never called.",
  reserved: "The address is reserved, translated or not global; it must be a public one.",
};

/**
 * Makes the guard that every client-supplied URL goes through.
 *
 * @throws TypeError when an entry of the policy is not a host
 */
export function createGuard(policy: GuardPolicy): Guard {
  const local = policy.mode === "local";
  const allow = parseAllow(policy.allow);
  const own = parseHosts(policy.ownHosts);
  const upstash = parseHosts(policy.upstashHosts);
  const concerns = local ? concernsByPort : concernsByHost;

  function judgeUrl(raw: string): string | undefined {
    const misspelt = judgeSpelling(raw);
    if (misspelt) return misspelt;
    const url = URL.parse(raw);
    if (!url) return "This is not a valid absolute URL.";
    if (url.protocol !== "https:" && !(local && url.protocol === "http:")) {
      return local ? "The scheme must be http or https." : "The scheme must be https.";
    }
    if (url.username !== "" || url.password !== "") return USERINFO;
    const host = hostOf(url);
    // A mapped address reaches the IPv4 address in it; `strict` refuses the form itself.
    return judgeTarget(local ? unmapped(host) : host, portOf(url));
  }

  function judgeTarget(host: string, port: number): string | undefined {
    if (concerns(own, host, port)) return "The URL leads to the gateway itself.";
    if (isUpstash(host) || concerns(upstash, host, port)) return "The URL leads to a service of the gateway.";
    const entries = allow.hosts.filter((entry) => matches(entry, host, port));
    const listed = entries.length > 0;
    const portListed = STRICT_PORTS.has(port) || allow.ports.has(port) || entries.some((entry) => entry.port);
    if (!local && !portListed) return `Port ${port} is not allowed.`;
    const found = classify(host);
    if (found === undefined) return judgeName(host, listed ? "listed" : policy.mode);
    if (!local && !listed && found !== "metadata") return "The host must be a name, not an IP address.";
    return judgeClass(found, listed);
  }

  function judgeClass(found: AddressClass, listed: boolean): string | undefined {
    if (found === "public") return undefined;
    if (found === "metadata") return CLASS_RULES.metadata;
    if (listed || (local && found !== "reserved")) return undefined;
    return CLASS_RULES[found];
  }

  function checkAddress(text: string): string | undefined {
    const host = canonicalHost(text);
    const address = host !== undefined && local ? unmapped(host) : host;
    const found = address === undefined ? undefined : classify(address);
    if (found === undefined) return "The host resolves to an invalid address.";
    return judgeClass(
      found,
      allow.hosts.some((entry) => entry.host === address),
    );
  }

  function nameOf(raw: string): string | undefined {
    const url = URL.parse(raw);
    if (local || !url) return undefined;
    const host = hostOf(url);
    const listed = allow.hosts.some((entry) => matches(entry, host, portOf(url)));
    return listed || classify(host) ? undefined : host;
  }

  return {
    checkUrl: (url) => unsafe(judgeUrl(url)),
    checkAddress: (address) => unsafe(checkAddress(address)),
    nameOf,
  };
}

const USERINFO = "The URL must not carry a user name or password.";

/**
 * Refuses spellings that parsers read differently, before the URL is parsed: the WHATWG parser drops tabs and line
 * feeds, turns backslashes into slashes, and takes `https:host` and `https:///host` for `https://host`.
 */
function judgeSpelling(raw: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(raw)) return "The URL must not have control characters.";
  if (raw.includes("\\")) return "The URL must not have a backslash.";
  if (/\s/.test(raw)) return "The URL must not have spaces.";
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]+)/i.exec(raw)?.[1];
  if (authority === undefined) return "The URL must be absolute: https://, a host, and a path.";
  return authority.includes("@") ? USERINFO : undefined;
}

/** On a public service, the gateway's own host is refused at every port. */
function concernsByHost(entries: readonly HostEntry[], host: string): boolean {
  return entries.some((entry) => entry.host === host);
}

/** On a machine that it shares with receivers, only its own port is refused, under every name of loopback. */
function concernsByPort(entries: readonly HostEntry[], host: string, port: number): boolean {
  return entries.some((entry) => {
    const samePort = entry.port === undefined ? port === 443 || port === 80 : port === entry.port;
    if (!samePort) return false;
    return entry.host === host || (isLoopback(host) && (entry.port !== undefined || isLoopback(entry.host)));
  });
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || classify(host) === "loopback";
}

function isUpstash(host: string): boolean {
  return /(?:^|\.)upstash\.(?:io|com)$/.test(host);
}

function unsafe(detail: string | undefined): UnsafeUrl | undefined {
  return detail === undefined ? undefined : { code: "unsafe-address", detail };
}
