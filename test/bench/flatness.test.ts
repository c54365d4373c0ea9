import { describe, expect, test } from "vitest";
import { courseOf, slopeOf } from "../../bench/soak/flatness.ts";

const tolerance = { share: 0.1, least: 16 };
const seconds = Array.from({ length: 90 }, (_, n) => n * 5);
const course = (value: (second: number, index: number) => number) =>
  courseOf({ name: "memory", unit: "MiB", values: seconds.map(value), tolerance }, seconds);

describe("a figure of a long run", () => {
  test("that leaks is growing, whatever it began with", () => {
    expect(course((second) => 100 + second / 5)).toMatchObject({
      isGrowing: true,
      slope: expect.closeTo(720),
    });
  });

  test("that warms up and then stays is flat", () => {
    expect(course((second) => Math.min(300, 100 + 2 * second))).toMatchObject({ isGrowing: false });
  });

  test("that goes up and down is flat, single samples far out of line included", () => {
    const noisy = course((_, index) => 200 + 30 * Math.sin(index) + (index % 17 === 0 ? 500 : 0));
    expect(noisy).toMatchObject({ isGrowing: false, highest: expect.closeTo(700, -2) });
  });

  test("that could not be read is no reason to be content", () => {
    expect(course((second) => (second > 300 ? Number.NaN : 100)).isGrowing).toBe(true);
  });

  test("that nobody promises to be flat is not judged", () => {
    expect(courseOf({ name: "log", unit: "", values: seconds }, seconds).isGrowing).toBe(false);
  });
});

test("a line's slope is found through noise that cancels out", () => {
  expect(slopeOf([1, 3, 5, 7], [0, 1, 2, 3])).toBeCloseTo(2);
  expect(slopeOf([5, 5, 5], [0, 1, 2])).toBe(0);
});
