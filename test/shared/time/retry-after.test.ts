import { describe, expect, test } from "vitest";
import { parseRetryAfter } from "../../../src/shared/time/retry-after.ts";

const now = Date.parse("2026-11-24T12:00:00.000Z");
const DAY = 86_400_000;

describe("Retry-After (RFC 9110, sections 5.6.7 and 10.2.3)", () => {
  test.each([
    ["120", 120_000],
    [" 0 ", 0],
    ["\t7\t", 7_000],
    ["007", 7_000],
    [`${"0".repeat(500)}9`, 9_000],
    ["86400", DAY],
    ["86401", DAY],
    ["12345678901", DAY],
    ["9".repeat(400), DAY],
    ["Tue, 24 Nov 2026 12:01:30 GMT", 90_000],
    ["Tue, 24 Nov 2026 11:00:00 GMT", 0],
    ["Thu, 01 Jan 2099 00:00:00 GMT", DAY],
    ["Sun, 06 Nov 1994 08:49:37 GMT", 0],
    ["Tue, 24 Nov 2026 12:59:60 GMT", 3_600_000],
    ["Thu, 29 Feb 2024 00:00:00 GMT", 0],
    ["Tuesday, 24-Nov-26 12:01:30 GMT", 90_000],
    ["Sunday, 06-Nov-94 08:49:37 GMT", 0],
    ["Tue Nov 24 12:01:30 2026", 90_000],
    ["Sun Nov  6 08:49:37 1994", 0],
    ["Sun Nov 06 08:49:37 1994", 0],
  ])("%j asks for %d ms, whatever the machine's time zone", (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });

  test.each([
    // At most 50 years ahead: to the second.
    ["Tuesday, 24-Nov-76 12:00:00 GMT", now, DAY],
    ["Tuesday, 24-Nov-76 12:00:01 GMT", now, 0],
    ["Tuesday, 24-Nov-77 12:00:00 GMT", now, 0],
    ["Tuesday, 01-Jan-01 00:00:00 GMT", Date.parse("2100-12-31T23:59:00Z"), 60_000],
    ["Tuesday, 01-Jan-00 00:00:00 GMT", Date.parse("2099-12-31T23:59:00Z"), 60_000],
  ])("a year of two digits in %j", (value, at, expected) => {
    expect(parseRetryAfter(value, at)).toBe(expected);
  });

  test.each([
    null,
    "",
    "soon",
    "Jan 2099",
    "-1",
    "+5",
    "5.5",
    "5.",
    "1e3",
    "0x10",
    "5 s",
    "10s",
    "1,000",
    "120, 60",
    "٣",
    "2026-11-24",
    "2026-11-24T12:01:30Z",
    "Infinity",
    "tue, 24 nov 2026 12:01:30 gmt",
    "Tue, 24 Nov 2026 12:01:30 gmt",
    "Tue, 24 Nov 2026 12:01:30 UTC",
    "Tue, 24 Nov 2026 12:01:30 +0000",
    "Tue, 24 Nov 2026 12:01:30",
    "Tue, 4 Nov 2026 12:01:30 GMT",
    "Tue,  24 Nov 2026 12:01:30 GMT",
    "24 Nov 2026 12:01:30 GMT",
    "Tue, 24 Nov 2026 24:00:00 GMT",
    "Tue, 24 Nov 2026 12:60:00 GMT",
    "Tue, 24 Nov 2026 12:00:61 GMT",
    "Mon, 30 Feb 2026 12:00:00 GMT",
    "Sun, 29 Feb 2026 12:00:00 GMT",
    "Tue, 00 Nov 2026 12:00:00 GMT",
    "Tuesday, 24 Nov 2026 12:01:30 GMT",
    "Tue, 24-Nov-26 12:01:30 GMT",
    "Tue Nov 24 12:01:30 2026 GMT",
    "Tue Nov 6 12:01:30 2026",
    "Tue Nov 24 2026",
    "Tue, 24 Nov 2026 12:01:30 GMT (soon)",
  ])("%j asks for nothing", (value) => {
    expect(parseRetryAfter(value, now)).toBeUndefined();
  });
});
