import fc from "fast-check";
import { expect, it } from "vitest";
import { surveyJson } from "../../../src/shared/json/json-text.ts";

const changed = (literal: string) => surveyJson(`[${literal}]`).inexact?.pointer === "/0";

it.each([
  ...[
    "9007199254740992",
    "-9007199254740992",
    "9007199254740993",
    "12345678901234567890",
    "1".repeat(100_000),
  ],
  ...[
    "9007199254740993.0",
    "9007199254740993e0",
    "1e23",
    "-1e23",
    "123456789012345678.5e1",
    "1.00000000000000000001e20",
  ],
  ...[
    "1e309",
    "-1e309",
    "1e400",
    "1e999999999",
    "1E+999999999999999999999",
    `${"9".repeat(400)}.5`,
    `1${"0".repeat(400)}.0`,
  ],
])("a number that JSON.parse would change is found: %.40s", (literal) => {
  expect(changed(literal)).toBe(true);
});

it.each([
  ...[
    "0",
    "-0",
    "-0.0",
    "0e999999999",
    "0.000e-7",
    "1",
    "1.0",
    "-1",
    "9007199254740991",
    "-9007199254740991",
  ],
  ...[
    "0.1",
    "1e22",
    "1E22",
    "1e+22",
    "1.5e1",
    "9007199254740992.0",
    "9007199254740994e0",
    "18014398509481984.000",
  ],
  ...[
    "1e-400",
    "1e-999999999",
    "3.141592653589793238462643383279502884",
    "123456789012345678.5",
    "1.7976931348623157e-308",
  ],
  ...[
    `0.${"0".repeat(100_000)}1`,
    `0.${"0".repeat(100_000)}1e100001`,
    `1${"0".repeat(22)}.0`,
    `${2n ** 1023n}.0`,
  ],
])("a number that JSON.parse keeps is not: %.40s", (literal) => {
  expect(changed(literal)).toBe(false);
});

it("the pointer leads to the first of them", () => {
  const pointerIn = (text: string) => surveyJson(text).inexact?.pointer;
  expect(pointerIn('{"input":{"csv":9007199254740993,"b":1e400}}')).toBe("/input/csv");
  expect(pointerIn('{"a":[1,{"b":2},[],[3,4,1e400]],"c":1}')).toBe("/a/3/2");
  expect(pointerIn("1e400")).toBe("");
  expect(pointerIn('{"a/b":{"c~d":{"\\u0065\\"f":1e400}}}')).toBe('/a~1b/c~0d/e"f');
  expect(pointerIn('{"":[{"x":"1e400, [{","\\\\":[-1e400]}]}')).toBe("//0/\\/0");
  expect(pointerIn('"1e400"')).toBeUndefined();
});

it("the depth is that of arrays and objects inside one another, and the survey ends at the limit", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  expect(surveyJson("1")).toEqual({ depth: 0, tooDeep: false });
  expect(surveyJson('"[[["')).toEqual({ depth: 0, tooDeep: false });
  expect(surveyJson('[{"a":[]},{}]')).toEqual({ depth: 3, tooDeep: false });
  expect(surveyJson(nested(100))).toEqual({ depth: 100, tooDeep: false });
  expect(surveyJson(nested(101))).toEqual({ depth: 101, tooDeep: true, deepAt: "/0" });
  expect(surveyJson(nested(1_000_000))).toEqual({ depth: 101, tooDeep: true, deepAt: "/0" });
  expect(surveyJson('{"a":'.repeat(200) + "1".padEnd(201, "}"))).toEqual({
    depth: 101,
    tooDeep: true,
    deepAt: "/a",
  });
});

// Time that grows with the square of the text would be minutes, which the test's own limit ends.
it("surveys a megabyte of any kind in time", { timeout: 20_000 }, () => {
  const size = 1_000_000;
  const texts = [
    `["${'\\"'.repeat(size / 2)}"]`,
    `["${"\\\\".repeat(size / 2)}"]`,
    `[${"0,".repeat(size / 2)}0]`,
    `[${"1e22,".repeat(size / 5)}0]`,
    `[${`${2n ** 1000n}.0,`.repeat(size / 304)}0]`,
    `[${"1".repeat(size)}.0]`,
    `[0.${"1".repeat(size)}e${"9".repeat(size)}]`,
    `[0.${"0".repeat(size)}]`,
    `[${"{},".repeat(size / 3)}0]`,
    `{${'"a":"",'.repeat(size / 7)}"b":1e400}`,
  ];
  for (const text of texts) {
    surveyJson(text);
  }
});

it("text that is no JSON neither throws nor hangs", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'[]{}",:\\0123456789.eE+-ab \u{1f600}') }), (text) => {
      surveyJson(text);
    }),
  );
});

/** The same by way of the values: what JSON.parse says the source of each number is, reckoned in fractions. */
const isChanged = (source: string): boolean => {
  const [, sign, whole = "", fraction = "", power = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? [];
  const value = Number(source);
  if (!Number.isFinite(value)) return true;
  const numerator = BigInt(`${sign}${whole}${fraction}`);
  const exponent = Number(power) - fraction.length;
  const [above, below] =
    exponent >= 0 ? [numerator * 10n ** BigInt(exponent), 1n] : [numerator, 10n ** BigInt(-exponent)];
  if (above % below !== 0n) return false;
  const exact = above / below;
  if (/^-?\d+$/.test(source)) return exact > 2n ** 53n - 1n || exact < -(2n ** 53n) + 1n;
  return exact !== BigInt(value);
};

const digits = (max: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: max });
const literal = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 70n }),
      fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }),
      fc.nat({ max: 1_000 }).map((shift) => 2n ** BigInt(shift)),
    ),
    fc.option(fc.oneof(digits(25), fc.constantFrom("0", "000", "50"))),
    fc.option(fc.tuple(fc.constantFrom("e", "E", "e+", "e-"), fc.integer({ min: 0, max: 330 }))),
  )
  .map(
    ([sign, whole, fraction, power]) =>
      `${sign}${whole}${fraction === null ? "" : `.${fraction}`}${power === null ? "" : power.join("")}`,
  );

it("as JSON.parse and exact fractions say: which literals are changed", () => {
  fc.assert(
    fc.property(literal, (source) => {
      expect(changed(source), source).toBe(isChanged(source));
    }),
    { numRuns: 2_000 },
  );
});

const depthOf = (value: unknown): number =>
  typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;

const at = (value: unknown, pointer: string): unknown =>
  pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((holder, step) => (holder as Record<string, unknown>)[step], value);

it("as JSON.parse says: how deep any value is, and where the number is that was put into it", () => {
  const any = fc.jsonValue({ maxDepth: 12, noUnicodeString: false });
  fc.assert(
    fc.property(any, any, any, fc.nat({ max: 3 }), (first, middle, last, indent) => {
      const [plain, marked] = [
        { first, middle, last },
        { first, middle: [middle, { a: [2 ** 53], last }] },
      ];
      const text = JSON.stringify(plain, null, indent);
      const { depth, inexact } = surveyJson(text);
      expect(depth).toBe(depthOf(JSON.parse(text)));
      const found = surveyJson(JSON.stringify(marked, null, indent)).inexact?.pointer ?? "";
      const number = at(marked, found);
      expect(Number.isSafeInteger(number)).toBe(false);
      if (inexact === undefined) expect(found).toBe("/middle/1/a/0");
      else expect(Number.isSafeInteger(at(plain, inexact.pointer))).toBe(false);
    }),
    { numRuns: 500 },
  );
});
