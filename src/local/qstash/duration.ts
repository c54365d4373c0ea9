const MILLISECONDS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const PART = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/y;

/**
 * Milliseconds of a duration as Go writes it, with days in addition: `10s`, `6m5s`, `1d10h30m`.
 *
 * @returns undefined when the text is not a duration.
 */
export function parseGoDuration(text: string): number | undefined {
  if (text === "") return undefined;
  let total = 0;
  PART.lastIndex = 0;
  let end = 0;
  while (end < text.length) {
    const part = PART.exec(text);
    if (!part) return undefined;
    total += Number(part[1]) * (MILLISECONDS[part[2] ?? ""] ?? Number.NaN);
    end = PART.lastIndex;
  }
  return total;
}
