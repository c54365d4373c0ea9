/** An IP address: its 4 or 16 bytes. */
export type Address = readonly number[];

/** A block of addresses: the first one and the length of the common prefix, in bits. */
export type Block = readonly [first: Address, bits: number];

/** The bytes of an IPv4 address of four decimal parts, or of an IPv6 address (RFC 4291, section 2.2); undefined for any other text. */
export function parseAddress(text: string): Address | undefined {
  return text.includes(":") ? parseIPv6(text) : parseIPv4(text);
}

/** A block in CIDR notation. @throws TypeError when the text is none */
export function block(cidr: string): Block {
  const [text = "", bits = ""] = cidr.split("/");
  const first = parseAddress(text);
  if (!first) throw new TypeError(`"${cidr}" is no block of addresses.`);
  return [first, Number(bits)];
}

/** Whether an address lies in a block of its own family. */
export function isIn(address: Address, [first, bits]: Block): boolean {
  if (address.length !== first.length) return false;
  return first.every((byte, index) => {
    const rest = Math.min(8, Math.max(0, bits - index * 8));
    return (byte ^ (address[index] ?? 0)) >> (8 - rest) === 0;
  });
}

function parseIPv4(text: string): Address | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte < 256) ? bytes : undefined;
}

function parseIPv6(text: string): Address | undefined {
  const sides = text.split("::");
  const [left, right] = sides.map((side, index) => bytesOf(side, index === sides.length - 1));
  if (sides.length > 2 || !left) return undefined;
  if (sides.length === 1) return left.length === 16 ? left : undefined;
  const gap = right ? 16 - left.length - right.length : 0;
  return right && gap >= 2 ? [...left, ...Array<number>(gap).fill(0), ...right] : undefined;
}

/** The bytes of groups with colons between them; the address's last group may be an IPv4 address. */
function bytesOf(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    const dotted = last && index === groups.length - 1 ? parseIPv4(group) : undefined;
    if (dotted) bytes.push(...dotted);
    else if (/^[0-9a-f]{1,4}$/i.test(group))
      bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255);
    else return undefined;
  }
  return bytes;
}
