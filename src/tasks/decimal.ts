/** A decimal number without rounding: units / 10^scale. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

export const ZERO: Decimal = { units: 0n, scale: 0 };

const MAX_LENGTH = 100;

/** Far above any count of rows below the largest float, so that no sum of such numbers is infinite. */
const MAX_MAGNITUDE = 1e200;

/**
 * Reads `12`, `-0.5`, `+3.`, `.5`, `1e3` and `1.5E-7`, with spaces around them. No thousands separator, no currency,
 * no hex, no `Infinity`, no `NaN`, no more than 100 characters, and nothing beyond ±1e200.
 *
 * @returns undefined when the text is no such number
 */
export function parseDecimal(text: string): Decimal | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,3}))?$/i.exec(text.trim());
  if (!match || text.length > MAX_LENGTH) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const digits = whole + fraction;
  if (digits === "") return undefined;
  const units = BigInt(digits);
  const number = withScale(sign === "-" ? -units : units, fraction.length - Number(exponent));
  return Math.abs(toNumber(number)) <= MAX_MAGNITUDE ? number : undefined;
}

/** The exact sum. */
export function add(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(left.scale, right.scale);
  return { units: rescaled(left, scale) + rescaled(right, scale), scale };
}

/** The quotient, to some 20 significant digits more than a float has room for. */
export function divide(dividend: Decimal, divisor: number): Decimal {
  const extra = 36;
  return {
    units: rescaled(dividend, dividend.scale + extra) / BigInt(divisor),
    scale: dividend.scale + extra,
  };
}

/** The nearest float. */
export function toNumber({ units, scale }: Decimal): number {
  return Number(`${units}e${-scale}`);
}

function withScale(units: bigint, scale: number): Decimal {
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

function rescaled({ units, scale }: Decimal, to: number): bigint {
  return scale === to ? units : units * 10n ** BigInt(to - scale);
}
