import { type Address, block, isIn, parseAddress } from "./address.ts";

/** What an address is, as far as calling it matters. */
export type AddressClass =
  /** Reachable for everybody: the only class that `strict` calls. */
  | "public"
  /** RFC 1918 and unique local addresses (RFC 4193). */
  | "private"
  | "loopback"
  /** 169.254.0.0/16 in any spelling, and the addresses at which clouds serve credentials: never called. */
  | "metadata"
  /** Everything else: link-local, CGNAT, multicast, documentation, translated, reserved. */
  | "reserved";

const blocks = (...cidrs: readonly string[]) => cidrs.map(block);
const within = (address: Address, list: ReturnType<typeof blocks>) => list.some((one) => isIn(address, one));

// The host services of Azure, AWS and Google among them.
const METADATA = blocks("169.254.0.0/16", "168.63.129.16/32", "fd00:ec2::254/128", "fd20:ce::254/128");
const LOOPBACK = blocks("127.0.0.0/8", "::1/128");
const PRIVATE = blocks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7");

/** Every other IPv4 block that is no receiver's (IANA IPv4 Special-Purpose Address Registry; multicast; class E). */
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

/** What of it is no receiver's (IANA IPv6 Special-Purpose Address Registry). */
const RESERVED_IPV6 = blocks("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20");

const MAPPED = block("::ffff:0:0/96");

/**
 * Where IPv6 addresses carry an IPv4 address: the offset of its first byte, and whether its bits are inverted.
 * Only the mapped form is ever called (under `local`); the others are looked into for 169.254.0.0/16.
 */
const EMBEDDED: readonly {
  readonly form: ReturnType<typeof block>;
  readonly at: number;
  readonly inverted?: true;
}[] = [
  { form: MAPPED, at: 12 }, // RFC 4291 section 2.5.5.2
  { form: block("::ffff:0:0:0/96"), at: 12 }, // SIIT, RFC 2765
  { form: block("::/96"), at: 12 }, // IPv4-compatible, RFC 4291 section 2.5.5.1
  { form: block("64:ff9b::/96"), at: 12 }, // NAT64, RFC 6052
  { form: block("64:ff9b:1::/48"), at: 12 }, // local NAT64, RFC 8215
  { form: block("2002::/16"), at: 2 }, // 6to4, RFC 3056
  { form: block("2001::/32"), at: 12, inverted: true }, // Teredo, RFC 4380
];

/**
 * Classifies an address in its canonical spelling: dotted IPv4 or IPv6 without brackets and zone.
 * IPv6 is refused by default: global unicast alone is public, without its special blocks and its translated forms.
 *
 * @returns undefined when the text is no address
 */
export function classify(address: string): AddressClass | undefined {
  const bytes = parseAddress(address);
  return bytes && classOf(bytes);
}

function classOf(address: Address): AddressClass {
  if (within(address, METADATA)) return "metadata";
  if (within(address, LOOPBACK)) return "loopback";
  if (address.length === 16) return classOfIPv6(address);
  if (within(address, PRIVATE)) return "private";
  return within(address, RESERVED_IPV4) ? "reserved" : "public";
}

function classOfIPv6(address: Address): AddressClass {
  const embedded = embeddedIPv4(address);
  if (embedded) return classOf(embedded) === "metadata" ? "metadata" : "reserved";
  if (within(address, PRIVATE)) return "private";
  return within(address, GLOBAL_UNICAST) && !within(address, RESERVED_IPV6) ? "public" : "reserved";
}

/** The IPv4 address that an IPv6 address is translated to, or undefined. */
function embeddedIPv4(address: Address): Address | undefined {
  const found = EMBEDDED.find(({ form }) => isIn(address, form));
  if (found) {
    return address.slice(found.at, found.at + 4).map((byte) => (found.inverted ? byte ^ 0xff : byte));
  }
  // ISATAP, RFC 5214 section 6.1: interface identifier [0|2]00:5efe and the IPv4 address.
  const isatap = (address[8] ?? 0) <= 2 && address[9] === 0 && address[10] === 0x5e && address[11] === 0xfe;
  return isatap ? address.slice(12) : undefined;
}

/** The IPv4 address inside a mapped IPv6 one (`::ffff:7f00:1` is `127.0.0.1`); any other address as it is. */
export function unmapped(address: string): string {
  const bytes = parseAddress(address);
  return bytes && isIn(bytes, MAPPED) ? bytes.slice(12).join(".") : address;
}
