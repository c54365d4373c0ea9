/** Header names in their canonical spelling (`Content-Type`) with all their values, as the service lists them. */
export type HeaderMap = Record<string, string[]>;

/** Names and values in the order and spelling in which they came. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/** Headers that belong to one connection, or to the request that QStash itself makes. */
const NOT_FORWARDED = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const canonicalNames = new Map<string, string>();

/** `x-my-header` as `X-My-Header`, the spelling that Go's HTTP library uses and the service therefore shows. */
export function canonicalName(name: string): string {
  let canonical = canonicalNames.get(name);
  if (canonical === undefined) {
    canonical = name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
    // Names are the clients' own: the memory of them must not grow without bound.
    if (canonicalNames.size < 1_000) canonicalNames.set(name, canonical);
  }
  return canonical;
}

/** Pairs of Node's `rawHeaders`, which alternates names and values. */
export function toPairs(rawHeaders: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    pairs.push([rawHeaders[i] ?? "", rawHeaders[i + 1] ?? ""]);
  return pairs;
}

export function toHeaderMap(pairs: HeaderPairs): HeaderMap {
  // No prototype: a header may be called `__proto__`.
  const map: HeaderMap = Object.create(null);
  for (const [name, value] of pairs) {
    const canonical = canonicalName(name);
    const values = map[canonical];
    if (values) values.push(value);
    else map[canonical] = [value];
  }
  return map;
}

/** The pairs whose name begins with `prefix` (lower case), without it. */
export function stripPrefix(pairs: HeaderPairs, prefix: string): [string, string][] {
  const stripped: [string, string][] = [];
  for (const [name, value] of pairs) {
    if (name.length <= prefix.length || name.slice(0, prefix.length).toLowerCase() !== prefix) continue;
    const rest = name.slice(prefix.length);
    if (!NOT_FORWARDED.has(rest.toLowerCase())) stripped.push([rest, value]);
  }
  return stripped;
}
