import fc from "fast-check";
import { expect, it } from "vitest";
import { jsonLength, utf8Length } from "../../../src/shared/json/byte-count.ts";

const text = fc.string({
  unit: fc.constantFrom(...'\0\b\t\n\v\f\r"\\/a\u007f漢é😀\ud800\udfff\u2028'),
  maxLength: 50,
});
const bytes = (value: string) => new TextEncoder().encode(value).byteLength;

it("a text's bytes are those that its encoding has", () => {
  fc.assert(
    fc.property(text, (value) => {
      expect(utf8Length(value)).toBe(bytes(value));
    }),
    { numRuns: 1_000 },
  );
});

it("a JSON string's bytes are those that its encoding has, escapes included", () => {
  fc.assert(
    fc.property(text, (value) => {
      expect(jsonLength(value)).toBe(bytes(JSON.stringify(value)));
    }),
    { numRuns: 1_000 },
  );
});
