/** The longest wait that a `Retry-After` is granted, milliseconds. */
export const RETRY_AFTER_LIMIT = 86_400_000;

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const LONG_DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const month = `(?<month>${MONTHS.join("|")})`;
const day = `(?:${DAYS.join("|")})`;
const longDay = `(?:${LONG_DAYS.join("|")})`;
const time = String.raw`(?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2})`;

/** The three forms of an HTTP date (RFC 9110, section 5.6.7): IMF-fixdate, RFC 850, asctime. All are in UTC. */
const FORMS = [
  new RegExp(String.raw`^${day}, (?<date>\d{2}) ${month} (?<year>\d{4}) ${time} GMT$`),
  new RegExp(String.raw`^${longDay}, (?<date>\d{2})-${month}-(?<year>\d{2}) ${time} GMT$`),
  new RegExp(String.raw`^${day} ${month} (?<date>\d{2}| \d) ${time} (?<year>\d{4})$`),
];

/**
 * Reads `Retry-After` (RFC 9110, section 10.2.3): seconds of any number of digits, or an HTTP date.
 *
 * @param now milliseconds since the epoch
 * @returns milliseconds from now, at most {@link RETRY_AFTER_LIMIT}; undefined when the value has no such form
 */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  const text = value?.trim() ?? "";
  // A number of any length becomes a double that is large enough, or Infinity.
  const wait = /^\d+$/.test(text) ? Number(text) * 1_000 : (parseHttpDate(text, now) ?? Number.NaN) - now;
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(0, wait), RETRY_AFTER_LIMIT);
}

function parseHttpDate(text: string, now: number): number | undefined {
  for (const form of FORMS) {
    const parts = form.exec(text)?.groups;
    if (!parts) continue;
    const { year: digits = "" } = parts;
    const rest = [
      MONTHS.indexOf(parts["month"] ?? ""),
      ...[parts["date"], parts["hour"], parts["minute"], parts["second"]].map(Number),
    ];
    if (digits.length === 4) return timeOf([Number(digits), ...rest]);
    const year = yearOf(digits, now);
    const date = timeOf([year, ...rest]);
    return date !== undefined && date > inYears(now, 50) ? timeOf([year - 100, ...rest]) : date;
  }
  return undefined;
}

/** The latest year that ends in these digits and is at most 50 years ahead; its day may still lie beyond 50 years. */
function yearOf(digits: string, now: number): number {
  const latest = new Date(now).getUTCFullYear() + 50;
  return latest - ((latest - Number(digits)) % 100);
}

function inYears(now: number, years: number): number {
  const date = new Date(now);
  return date.setUTCFullYear(date.getUTCFullYear() + years);
}

/** Undefined for a day or time that no calendar has; second 60 is a leap second, the next minute's first. */
function timeOf([year = 0, month = 0, date = 0, hour = 0, minute = 0, second = 0]: readonly number[]):
  | number
  | undefined {
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, month, date);
  if (midnight.getUTCDate() !== date || hour > 23 || minute > 59 || second > 60) return undefined;
  return midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1_000;
}
