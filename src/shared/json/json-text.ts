/** Arrays and objects that may be nested; far below the depth that recursion in a handler can take. */
export const MAX_DEPTH = 100;

/** Properties of a JSON text that `JSON.parse` does not report. */
export interface JsonSurvey {
  /** Arrays and objects inside one another; the limit + 1 when it is too deep. */
  readonly depth: number;
  /** It nests deeper than the limit. The survey ends there, so that it never keeps more than the limit's levels. */
  readonly tooDeep: boolean;
  /** Where it nests too deep: the member or item at the top, as JSON pointer. */
  readonly deepAt?: string;
  /** The first number that `JSON.parse` would change, as JSON pointer (RFC 6901). */
  readonly inexact?: { readonly pointer: string };
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Surveys JSON without making its values: linear in the text, one number of memory per level. The text must be valid
 * JSON; for any other the answer is meaningless.
 *
 * @param limit levels that are still surveyed
 */
export function surveyJson(text: string, limit = MAX_DEPTH): JsonSurvey {
  // The path to the present place: of an object where the member's name begins, of an array -1 - the item's index.
  const way: number[] = [];
  let deepest = 0;
  let nameFollows = false;
  let pointer: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    switch (code) {
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        way.push(code === OPEN_ARRAY ? -1 : at);
        nameFollows = code === OPEN_OBJECT;
        deepest = Math.max(deepest, way.length);
        if (deepest > limit) {
          return { ...surveyed(deepest, true, pointer), deepAt: pointerOf(text, way.slice(0, 1)) };
        }
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        way.pop();
        nameFollows = false;
        break;
      case COMMA:
        nameFollows = nextItem(way);
        break;
      case QUOTE:
        if (nameFollows) way[way.length - 1] = at;
        nameFollows = false;
        at = endOfString(text, at);
        break;
      default: {
        if (code !== MINUS && !isDigit(code)) break;
        const end = endOfNumber(text, at);
        if (pointer === undefined && !isShort(text, at, end) && isInexact(text, at, end)) {
          pointer = pointerOf(text, way);
        }
        at = end - 1;
      }
    }
  }
  return surveyed(deepest, false, pointer);
}

/** Whether the value is equivalent to its text, and nests no deeper than the limit: else its text is kept. */
export function isExact(text: string): boolean {
  const { tooDeep, inexact } = surveyJson(text);
  return !tooDeep && inexact === undefined;
}

function surveyed(depth: number, tooDeep: boolean, pointer: string | undefined): JsonSurvey {
  return { depth, tooDeep, ...(pointer !== undefined && { inexact: { pointer } }) };
}

/** @returns whether a member's name follows */
function nextItem(way: number[]): boolean {
  const last = way.length - 1;
  const place = way[last];
  if (place === undefined || place >= 0) return place !== undefined;
  way[last] = place - 1;
  return false;
}

/** Where the last quote is of the string that begins with the quote at `start`. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let first = end;
    while (text.charCodeAt(first - 1) === BACKSLASH) first--;
    if ((end - first) % 2 === 0) return end;
  }
  return text.length;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

/** Digits, `.`, `e`, `E`, `+` and `-`: in valid JSON nothing else follows a number at once. */
function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    const isPart = isDigit(code) || code === POINT || code === 0x65 || code === 0x45;
    if (!isPart && code !== MINUS && code !== 0x2b) break;
  }
  return end;
}

/** Integers of this many digits are all safe. */
const SAFE_DIGITS = 15;
/** 10 to this power is a multiple of a 5 to this power, which has more bits than a double's 53. */
const WIDE_POWER = 23;

/** Most numbers are so short that their double is exact or the nearest, so that the text need not be converted. */
function isShort(text: string, start: number, end: number): boolean {
  if (end - start > SAFE_DIGITS) return false;
  for (let at = start; at < end; at++) {
    if ((text.charCodeAt(at) | 0x20) === 0x65) return false; // e or E
  }
  return true;
}

/** Whether the number is an integer that its double does not equal, or is infinite; without `.` or exponent: unsafe. */
function isInexact(text: string, start: number, end: number): boolean {
  const literal = text.slice(start, end);
  const parts = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal);
  if (!parts) return false; // no JSON
  const [, whole = "", fraction = "", power = "0"] = parts;
  if (whole.length === literal.length || (whole.length + 1 === literal.length && literal.startsWith("-"))) {
    return whole.length > SAFE_DIGITS && !Number.isSafeInteger(Number(literal));
  }
  const value = Number(literal);
  if (!Number.isFinite(value)) return true;
  const [digits, zeros] = significant(whole + fraction);
  const exponent = Number(power) - fraction.length + zeros;
  if (digits === "" || exponent < 0) return false; // zero, or no integer
  if (exponent >= WIDE_POWER) return true;
  // The value is finite, so this has at most 309 digits.
  return BigInt(digits) * 10n ** BigInt(exponent) !== BigInt(value < 0 ? -value : value);
}

/** Digits without zeros at either end, and how many were taken from the end. */
function significant(digits: string): [string, number] {
  let first = 0;
  while (digits.charCodeAt(first) === ZERO) first++;
  let last = digits.length;
  while (last > first && digits.charCodeAt(last - 1) === ZERO) last--;
  return [digits.slice(first, last), digits.length - last];
}

function pointerOf(text: string, way: readonly number[]): string {
  const steps = way.map((place) => {
    if (place < 0) return `${-1 - place}`;
    return nameAt(text, place).replaceAll("~", "~0").replaceAll("/", "~1");
  });
  return steps.map((step) => `/${step}`).join("");
}

function nameAt(text: string, place: number): string {
  try {
    return JSON.parse(text.slice(place, endOfString(text, place) + 1));
  } catch {
    return ""; // not JSON: the parser refuses the text
  }
}
