import { parseAddress } from "./guard-address.ts";
import { isName } from "./guard-name.ts";

/** A host that the deployer named, with the port when one was given. */
export interface HostEntry {
  readonly host: string;
  readonly port: number | undefined;
}

/** The exceptions of a policy: hosts, and ports that any host may be called at. */
export interface AllowList {
  readonly hosts: readonly HostEntry[];
  readonly ports: ReadonlySet<number>;
}

/**
 * Reads `host`, `host:port`, `10.0.0.5`, `[fd00::1]:8080` and `fd00::1`.
 *
 * @throws TypeError when an entry is not a host
 */
export function parseHosts(entries: readonly string[]): readonly HostEntry[] {
  return entries.map(parseHost);
}

/**
 * Reads the exceptions: what {@link parseHosts} reads, and `:port`.
 *
 * @throws TypeError when an entry is neither
 */
export function parseAllow(entries: readonly string[]): AllowList {
  const ports = entries.filter((entry) => /^:\d+$/.test(entry));
  const hosts = entries.filter((entry) => !/^:\d+$/.test(entry));
  const named = parseHosts(hosts);
  // No name has such a label: the exception would never apply, and nobody would learn why.
  if (!named.every(({ host }) => parseAddress(host) || isName(host)))
    throw new TypeError("No host has this name.");
  return { hosts: named, ports: new Set(ports.map((entry) => parsePort(entry.slice(1)))) };
}

/** Whether a host and port are what an entry names; an entry without a port names every port. */
export function matches(entry: HostEntry, host: string, port: number): boolean {
  return entry.host === host && (entry.port === undefined || entry.port === port);
}

/** The host of a URL as it is compared: no brackets, and no trailing dot, which names the same host. */
export function hostOf(url: URL): string {
  const host = url.hostname;
  if (host.startsWith("[")) return host.slice(1, -1);
  return host.endsWith(".") ? host.slice(0, -1) : host;
}

/** The port of an http or https URL. */
export function portOf(url: URL): number {
  if (url.port !== "") return Number(url.port);
  return url.protocol === "https:" ? 443 : 80;
}

/** A host in the spelling of the URL parser, so that one address has one spelling; undefined when it is not a host. */
export function canonicalHost(text: string): string | undefined {
  const url = URL.parse(`http://${isIPv6(text) ? `[${text}]` : text}`);
  const plain =
    url !== null && url.pathname === "/" && `${url.search}${url.hash}${url.username}${url.port}` === "";
  return plain && url.hostname !== "" ? hostOf(url) : undefined;
}

function parseHost(entry: string): HostEntry {
  const port = isIPv6(entry) ? undefined : /:(\d+)$/.exec(entry)?.[1];
  const host = canonicalHost(port === undefined ? entry : entry.slice(0, -port.length - 1));
  if (host === undefined) throw new TypeError(`"${entry}" is no host.`);
  return { host, port: port === undefined ? undefined : parsePort(port) };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (port < 1 || port > 65_535) throw new TypeError(`"${text}" is no port.`);
  return port;
}

function isIPv6(text: string): boolean {
  return text.includes(":") && parseAddress(text) !== undefined;
}
