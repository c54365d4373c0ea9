const TIMESTAMP =
  /^(\d{4}-\d{2}-\d{2})[Tt]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d|60)(?:\.(\d+))?)?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/**
 * Reads an absolute time (RFC 3339, section 5.6); the seconds may be missing. A leap second (23:59:60 in UTC) is the
 * second after it.
 *
 * @returns milliseconds since the epoch; undefined when it is not a timestamp
 */
export function parseTimestamp(text: string): number | undefined {
  const [, date = "", hour, minute, second = "0", fraction = "", sign = "+", ...offset] =
    TIMESTAMP.exec(text) ?? [];
  const midnight = Date.parse(`${date}T00:00:00Z`);
  // Some engines turn 30 February into a day of March.
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(date)) return undefined;
  const [offsetHours = "0", offsetMinutes = "0"] = offset;
  const ahead = Number(`${sign}1`) * (Number(offsetHours) * 60 + Number(offsetMinutes));
  const minutes = Number(hour) * 60 + Number(minute) - ahead;
  const start = midnight + minutes * 60_000;
  if (second === "60" && (start / 60_000 + 1) % 1_440 !== 0) return undefined;
  return start + Number(second) * 1_000 + Number(fraction.slice(0, 3).padEnd(3, "0"));
}
