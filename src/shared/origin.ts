/** Scheme, host and port of an address, in one spelling; the text itself where it has none. */
export function originOf(url: string): string {
  const origin = URL.parse(url)?.origin;
  return origin === undefined || origin === "null" ? url : origin;
}
