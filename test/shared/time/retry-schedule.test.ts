import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDuration } from "../../../src/shared/time/duration.ts";
import { RETRY_AFTER_LIMIT } from "../../../src/shared/time/retry-after.ts";
import {
  DELIVERY_SCHEDULE,
  deliveryBackoff,
  handlerBackoff,
  parseSchedule,
} from "../../../src/shared/time/retry-schedule.ts";

const MIDDLE = 0.5; // no jitter

describe("durations", () => {
  test.each([
    ["500ms", 500],
    ["10s", 10_000],
    ["15m", 900_000],
    ["24h", 86_400_000],
    ["7d", 604_800_000],
    ["0s", 0],
  ])("%s is %d ms", (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  test.each(["", "10", "s", "1.5s", "-1s", "10 s", "1h30m", "10S", "1w", "1e3s", "1234567890123s"])(
    "%j is none",
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});

describe("a handler's backoff", () => {
  test("is min(1 h, 2 s · 4ⁿ⁻¹)", () => {
    expect([1, 2, 3, 4, 5, 6, 7, 50].map((attempt) => handlerBackoff(attempt, MIDDLE))).toEqual([
      2_000, 8_000, 32_000, 128_000, 512_000, 2_048_000, 3_600_000, 3_600_000,
    ]);
  });

  test("jitters by a fifth either way", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, random) => {
          const planned = handlerBackoff(attempt, MIDDLE);
          const delay = handlerBackoff(attempt, random);
          expect(delay).toBeGreaterThanOrEqual(Math.floor(planned * 0.8));
          expect(delay).toBeLessThanOrEqual(Math.ceil(planned * 1.2));
        },
      ),
    );
    expect(handlerBackoff(1, 0)).toBe(1_600);
  });
});

describe("a delivery's schedule", () => {
  const schedule = parseSchedule(DELIVERY_SCHEDULE) ?? [];

  test("is 5 s, 30 s, 2 m, 15 m, 1 h, 4 h, 10 h, 24 h, and then used up", () => {
    const planned = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((attempt) => deliveryBackoff(schedule, attempt, MIDDLE));
    expect(planned).toEqual([
      5_000,
      30_000,
      120_000,
      900_000,
      3_600_000,
      14_400_000,
      36_000_000,
      86_400_000,
      undefined,
    ]);
  });

  test("waits as long as the receiver asks, up to 24 h, and never shorter than planned", () => {
    expect(deliveryBackoff(schedule, 1, MIDDLE, 90_000)).toBe(90_000);
    expect(deliveryBackoff(schedule, 2, MIDDLE, 1_000)).toBe(30_000);
    expect(deliveryBackoff(schedule, 1, MIDDLE, 10 * RETRY_AFTER_LIMIT)).toBe(RETRY_AFTER_LIMIT);
    expect(deliveryBackoff(schedule, 9, MIDDLE, 1_000)).toBeUndefined();
  });

  test("is read from durations with commas between them", () => {
    expect(parseSchedule("1s, 500ms")).toEqual([1_000, 500]);
    expect(parseSchedule("")).toEqual([]);
    expect(parseSchedule("1s,soon")).toBeUndefined();
    expect(parseSchedule("1s,,2s")).toBeUndefined();
  });
});
