/* Texts for people, made of what the API answers. */

const NUMBER = new Intl.NumberFormat("en");
const MONEY = new Intl.NumberFormat("en", {
  style: "currency",
  currency: "USD",
  maximumSignificantDigits: 3,
});

export const number = (value: number): string => NUMBER.format(value);
export const money = (value: number): string => MONEY.format(value);

/** A share, 0 to 1, in percent. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** A length of time, in its two largest units: `2 h 5 min`, `350 ms`. */
export function span(milliseconds: number): string {
  const length = Math.max(0, milliseconds);
  if (length < 1_000) return `${Math.round(length)} ms`;
  if (length < 10_000) return `${(length / 1_000).toFixed(1)} s`;
  const first = UNITS.findIndex(([, unit]) => length >= unit);
  const [name, unit] = UNITS[first] ?? ["s", 1_000];
  const [nextName, nextUnit] = UNITS[first + 1] ?? ["", 0];
  const rest = nextUnit === 0 ? 0 : Math.floor((length % unit) / nextUnit);
  const whole = `${Math.floor(length / unit)} ${name}`;
  return rest === 0 ? whole : `${whole} ${rest} ${nextName}`;
}

/** `5 min ago`, or `in 5 min`. */
export function ago(at: number, now: number): string {
  const difference = now - at;
  if (Math.abs(difference) < 1_000) return "now";
  return difference > 0 ? `${coarse(difference)} ago` : `in ${coarse(-difference)}`;
}

function coarse(length: number): string {
  const [name, unit] = UNITS.find(([, least]) => length >= least) ?? ["s", 1_000];
  return `${Math.floor(length / unit)} ${name}`;
}

/** The time on this computer's clock, to the second; the day too unless it is today. */
export function clock(at: number, now: number): string {
  const time = new Date(at);
  const sameDay = time.toDateString() === new Date(now).toDateString();
  return sameDay ? time.toLocaleTimeString() : time.toLocaleString();
}

/** JSON for people; a text that is not JSON stays as it is. */
export function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2) ?? "";
}

/** A text for one argument of a POSIX shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The host of an address, or the text when it is none. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** `tasks` for 2 and `task` for 1, with the number. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}
