import Big from "big.js";

export const ZERO = new Big(0);

const MAX_LENGTH = 100;

/** Far above any count of rows below the largest float, so that no sum of such numbers is infinite. */
const MAX_MAGNITUDE = 1e200;

/**
 * Reads `12`, `-0.5`, `+3.`, `.5`, `1e3` and `1.5E-7`, with spaces around them. No thousands separator, no currency,
 * no hex, no `Infinity`, no `NaN`, no more than 100 characters, and nothing beyond ±1e200.
 *
 * @returns undefined when the text is no such number
 */
export function parseDecimal(text: string): Big | undefined {
  const trimmed = text.trim();
  if (text.length > MAX_LENGTH || !/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?$/i.test(trimmed))
    return undefined;
  const number = new Big(trimmed.replace(/^\+/, "").replace(/\.(?!\d)/, "")); // which big.js does not read
  return Math.abs(toNumber(number)) <= MAX_MAGNITUDE ? number : undefined;
}

/** The quotient, to some 20 significant digits more than a float has room for. */
export function divide(dividend: Big, divisor: number): Big {
  const Precise = Big(); // a constructor of its own, with decimal places of its own
  Precise.DP = Math.max(0, -dividend.e) + 36;
  return new Precise(dividend).div(divisor);
}

/** The nearest float; no negative zero. */
export function toNumber(number: Big): number {
  return Number(number.toString()) + 0;
}
