import ip from "ipaddr.js";

type Address = ip.IPv4 | ip.IPv6;
type Block = [Address, number];

/** The classes of addresses that the guard distinguishes. */
export type AddressClass =
  /** Reachable from the internet: the only class that `strict` calls. */
  | "public"
  /** RFC 1918 and unique local addresses (RFC 4193). */
  | "private"
  | "loopback"
  /** 169.254.0.0/16 in any spelling, and the other addresses at which clouds serve their machines: never called. */
  | "metadata"
  /** Everything else: link-local, CGNAT, multicast, documentation, translated, reserved. */
  | "reserved";

/** Made once, by the first question about an address: to parse all blocks takes milliseconds of a process's start. */
const once = <Value>(make: () => Value): (() => Value) => {
  let made: Value | undefined;
  return () => (made ??= make());
};
const blocks = (...cidrs: readonly string[]) => once(() => cidrs.map((cidr): Block => ip.parseCIDR(cidr)));
const isIn = (address: Address, [first, bits]: Block): boolean =>
  address.kind() === first.kind() && address.match(first, bits);
const within = (address: Address, list: () => readonly Block[]) =>
  list().some((block) => isIn(address, block));

const METADATA = blocks(
  "169.254.0.0/16",
  "fe80::a9fe:a9fe/128", // OpenStack
  "168.63.129.16/32", // Azure's host services
  "100.100.100.200/32", // Alibaba Cloud
  "192.0.0.192/32", // Oracle Cloud
  "fd00:ec2::/32", // AWS: metadata, credentials of pods, DNS, time
  "fd20:ce::254/128", // Google Cloud
  "fd00:42::42/128", // Scaleway
);
const LOOPBACK = blocks("127.0.0.0/8", "::1/128");
const PRIVATE = blocks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7");

/** Every other IPv4 block that is not public (IANA IPv4 Special-Purpose Address Registry; multicast; class E). */
const RESERVED_IPV4 = blocks(
  "0.0.0.0/8",
  "100.64.0.0/10",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
);

/** Global unicast, RFC 4291 section 2.4: what lies outside is refused without asking further. */
const GLOBAL_UNICAST = blocks("2000::/3");

/** Ranges that are not public (IANA IPv6 Special-Purpose Address Registry). */
const RESERVED_IPV6 = blocks("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20");

const MAPPED = once((): Block => ip.parseCIDR("::ffff:0:0/96"));

/** Where an IPv6 address carries the bytes of an IPv4 address, and whether their bits are inverted. */
interface Embedding {
  readonly form: Block;
  readonly at: readonly number[];
  readonly inverted?: true;
}

const LAST = [12, 13, 14, 15];

/** Only the mapped form is ever called (under `local`); the others are checked for addresses of metadata. */
const EMBEDDED = once((): readonly Embedding[] => [
  { form: MAPPED(), at: LAST }, // RFC 4291 section 2.5.5.2
  { form: ip.parseCIDR("::ffff:0:0:0/96"), at: LAST }, // SIIT, RFC 2765
  { form: ip.parseCIDR("::/96"), at: LAST }, // IPv4-compatible, RFC 4291 section 2.5.5.1
  { form: ip.parseCIDR("64:ff9b::/96"), at: LAST }, // NAT64, RFC 6052
  // Local NAT64, RFC 8215, with prefixes of each length that RFC 6052 section 2.2 has room for.
  ...[LAST, [6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12]].map((at) => ({
    form: ip.parseCIDR("64:ff9b:1::/48"),
    at,
  })),
  { form: ip.parseCIDR("2002::/16"), at: [2, 3, 4, 5] }, // 6to4, RFC 3056
  { form: ip.parseCIDR("2001::/32"), at: LAST, inverted: true }, // Teredo, RFC 4380
]);

/** An address in its canonical spelling; undefined for text that parsers read differently, and for any other text. */
export function parseAddress(text: string): Address | undefined {
  const dotted = text.slice(text.lastIndexOf(":") + 1);
  if (dotted.includes(".") && !ip.IPv4.isValidFourPartDecimal(dotted)) return undefined; // octal, short, hexadecimal
  if (dotted === text) return dotted.includes(".") ? ip.IPv4.parse(text) : undefined;
  return ip.IPv6.isValid(text) && !text.includes("%") ? ip.IPv6.parse(text) : undefined;
}

/**
 * Classifies an address in its canonical spelling: dotted IPv4 or IPv6 without brackets and zone.
 * IPv6 is refused by default: global unicast alone is public, without its special blocks and its translated forms.
 *
 * @returns undefined when the text is no address
 */
export function classify(address: string): AddressClass | undefined {
  const parsed = parseAddress(address);
  return parsed && classOf(parsed);
}

function classOf(address: Address): AddressClass {
  if (within(address, METADATA)) return "metadata";
  if (within(address, LOOPBACK)) return "loopback";
  if (address.kind() === "ipv6") return classOfIPv6(address);
  if (within(address, PRIVATE)) return "private";
  return within(address, RESERVED_IPV4) ? "reserved" : "public";
}

function classOfIPv6(address: Address): AddressClass {
  const embedded = embeddedIPv4(address);
  if (embedded.some((one) => classOf(one) === "metadata")) return "metadata";
  if (embedded.length > 0) return "reserved";
  if (within(address, PRIVATE)) return "private";
  return within(address, GLOBAL_UNICAST) && !within(address, RESERVED_IPV6) ? "public" : "reserved";
}

/** The IPv4 addresses that an IPv6 address may be translated to. */
function embeddedIPv4(address: Address): readonly ip.IPv4[] {
  const bytes = address.toByteArray();
  const found = EMBEDDED()
    .filter(({ form }) => isIn(address, form))
    .map(({ at, inverted }) => new ip.IPv4(at.map((index) => (bytes[index] ?? 0) ^ (inverted ? 0xff : 0))));
  if (found.length > 0) return found;
  // ISATAP, RFC 5214 section 6.1: interface identifier [0|2]00:5efe and the IPv4 address.
  const isatap = (bytes[8] ?? 0) <= 2 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe;
  return isatap ? [new ip.IPv4(bytes.slice(12))] : [];
}

/** The IPv4 address inside a mapped IPv6 one (`::ffff:7f00:1` is `127.0.0.1`); any other address as it is. */
export function unmapped(address: string): string {
  const parsed = parseAddress(address);
  return parsed && isIn(parsed, MAPPED()) ? parsed.toByteArray().slice(12).join(".") : address;
}
