import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { divide, parseDecimal, toNumber, ZERO } from "../../src/task-types/decimal.ts";

const seed = Number(process.env["SEED"] ?? 20261124);
console.info(`seed ${seed}`);

function sum(...texts: string[]): number {
  return toNumber(
    texts.map((text) => parseDecimal(text) ?? ZERO).reduce((left, right) => left.plus(right), ZERO),
  );
}

describe("decimals", () => {
  it.each([
    ["0", 0],
    ["12", 12],
    ["-0.5", -0.5],
    ["+3.", 3],
    [".5", 0.5],
    ["  7 ", 7],
    ["007", 7],
    ["1e3", 1000],
    ["1.5E-7", 1.5e-7],
    ["12345678901234567890", 12345678901234567e3],
    ["1e200", 1e200],
    ["1e-400", 0],
    ["-0", 0],
    ["1.e3", 1000],
    ["0e999", 0],
    ["-1e-999", 0],
  ])("%j is a number", (text, expected) => {
    const number = parseDecimal(text);
    expect(number && toNumber(number)).toBe(expected);
  });

  it.each([
    "",
    " ",
    "-",
    ".",
    "+.",
    "+-1",
    "+ 1",
    "1..2",
    "1.2.3",
    "e",
    ".e3",
    "1e1.5",
    "0b1",
    "-1e201",
    "1n",
    "e3",
    "1e",
    "1,234.5",
    "1 000",
    "0x10",
    "$5",
    "5%",
    "12a",
    "NaN",
    "Infinity",
    "1e201",
    "1e9999",
    "--1",
    "1_000",
    "١",
    "9".repeat(101),
    "true",
  ])("%j is none", (text) => {
    expect(parseDecimal(text)).toBeUndefined();
  });

  it("sums without the surprises of floats", () => {
    expect(sum("0.1", "0.2")).toBe(0.3);
    expect(sum(...Array.from({ length: 10 }, () => "0.1"))).toBe(1);
    expect(sum("1e16", "1", "-1e16")).toBe(1);
    expect(sum("9007199254740993", "-9007199254740992")).toBe(1);
  });

  it("divides to the nearest float", () => {
    const divided = (text: string, by: number) => toNumber(divide(parseDecimal(text) ?? ZERO, by));
    expect(divided("0.3", 3)).toBe(0.1);
    expect(divided("1", 3)).toBe(1 / 3);
    expect(divided("-2", 3)).toBe(-2 / 3);
    expect(divided("1e-7", 7)).toBe(1.4285714285714286e-8);
    expect(divided("1e-300", 7)).toBe(1e-300 / 7);
    expect(divided("-0.000", 7)).toBe(0);
  });

  it("every float that is written out is read as itself", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e200, max: 1e200 }), (float) => {
        const number = parseDecimal(String(float));
        return number !== undefined && toNumber(number) === float + 0;
      }),
      { seed, numRuns: 1_000 },
    );
  });
});
