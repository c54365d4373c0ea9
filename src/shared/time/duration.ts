const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** The input of {@link parseDuration}: a whole number and a unit, `500ms`, `10s`, `15m`, `24h`, `7d`. */
export const DURATION_PATTERN = /^(\d{1,12})(ms|s|m|h|d)$/;

/** Milliseconds of a duration such as `15m`, or undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION_PATTERN.exec(text);
  if (!match) return undefined;
  return Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
}

/** A duration as {@link parseDuration} reads it, in the largest unit that says it exactly. */
export function spellDuration(milliseconds: number): string {
  const units = Object.entries(UNITS).toReversed();
  const [name, unit] = units.find(([, size]) => milliseconds % size === 0) ?? ["ms", 1];
  return milliseconds === 0 ? "0s" : `${milliseconds / unit}${name}`;
}
