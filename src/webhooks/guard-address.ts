import ip from "ipaddr.js";

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

type Range = [ip.IPv4 | ip.IPv6, number];

const range = (cidr: string): Range => ip.parseCIDR(cidr);

// What ipaddr.js calls unicast and yet is no receiver: the host services of Azure.
const METADATA_IPV4 = [range("169.254.0.0/16"), range("168.63.129.16/32")];
const METADATA_IPV6 = [range("fd00:ec2::254/128"), range("fd20:ce::254/128")];

/** Global unicast, RFC 4291 section 2.4: what lies outside is refused without asking further. */
const GLOBAL_UNICAST = range("2000::/3");

/**
 * Where IPv6 addresses carry an IPv4 address: the offset of its first byte, and whether its bits are inverted.
 * Only the mapped form is ever called (under `local`); the others are looked into for 169.254.0.0/16.
 */
const EMBEDDED: readonly { readonly form: Range; readonly at: number; readonly inverted?: true }[] = [
  { form: range("::ffff:0:0/96"), at: 12 }, // mapped, RFC 4291 section 2.5.5.2
  { form: range("::ffff:0:0:0/96"), at: 12 }, // SIIT, RFC 2765
  { form: range("::/96"), at: 12 }, // IPv4-compatible, RFC 4291 section 2.5.5.1
  { form: range("64:ff9b::/96"), at: 12 }, // NAT64, RFC 6052
  { form: range("64:ff9b:1::/48"), at: 12 }, // local NAT64, RFC 8215
  { form: range("2002::/16"), at: 2 }, // 6to4, RFC 3056
  { form: range("2001::/32"), at: 12, inverted: true }, // Teredo, RFC 4380
];

/**
 * Classifies an address in its canonical spelling: dotted IPv4 or IPv6 without brackets and zone.
 * IPv6 is refused by default: global unicast alone is public, without its special blocks and its translated forms.
 *
 * @returns undefined when the text is no address
 */
export function classify(address: string): AddressClass | undefined {
  if (ip.IPv4.isValidFourPartDecimal(address)) return classifyIPv4(ip.IPv4.parse(address));
  if (ip.IPv6.isValid(address) && !address.includes("%")) return classifyIPv6(ip.IPv6.parse(address));
  return undefined;
}

function classifyIPv4(address: ip.IPv4): AddressClass {
  if (METADATA_IPV4.some((block) => address.match(block))) return "metadata";
  const name = address.range();
  if (name === "unicast") return "public";
  return name === "private" || name === "loopback" ? name : "reserved";
}

function classifyIPv6(address: ip.IPv6): AddressClass {
  if (METADATA_IPV6.some((block) => address.match(block))) return "metadata";
  const name: string = address.range(); // the library's types lack some of the names that it returns
  if (name === "loopback") return "loopback";
  const embedded = embeddedIPv4(address);
  if (embedded) return classifyIPv4(embedded) === "metadata" ? "metadata" : "reserved";
  if (name === "uniqueLocal") return "private";
  return name === "unicast" && address.match(GLOBAL_UNICAST) ? "public" : "reserved";
}

/** The IPv4 address that an IPv6 address is translated to, or undefined. */
function embeddedIPv4(address: ip.IPv6): ip.IPv4 | undefined {
  const bytes = address.toByteArray();
  const found = EMBEDDED.find(({ form }) => address.match(form));
  if (found) {
    return new ip.IPv4(
      bytes.slice(found.at, found.at + 4).map((byte) => (found.inverted ? byte ^ 0xff : byte)),
    );
  }
  // ISATAP, RFC 5214 section 6.1: interface identifier [0|2]00:5efe and the IPv4 address.
  const isatap = (bytes[8] ?? 0) <= 2 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe;
  return isatap ? new ip.IPv4(bytes.slice(12)) : undefined;
}

/** The IPv4 address inside a mapped IPv6 one (`::ffff:7f00:1` is `127.0.0.1`); any other address as it is. */
export function unmapped(address: string): string {
  if (!ip.IPv6.isValid(address) || address.includes("%")) return address;
  const parsed = ip.IPv6.parse(address);
  return parsed.match(range("::ffff:0:0/96"))
    ? new ip.IPv4(parsed.toByteArray().slice(12)).toString()
    : address;
}
