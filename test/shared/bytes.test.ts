import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  base64,
  base64url,
  concat,
  fromBase64,
  fromBase64url,
  fromHex,
  hex,
  utf8,
} from "../../src/shared/bytes.ts";

const seed = Number(process.env["SEED"] ?? Date.now());

describe(`bytes, seed ${seed}`, () => {
  const some = fc.uint8Array({ maxLength: 300 });

  test("are spelt as Node spells them, and read back", () => {
    fc.assert(
      fc.property(some, (bytes) => {
        const buffer = Buffer.from(bytes);
        expect(hex(bytes)).toBe(buffer.toString("hex"));
        expect(base64(bytes)).toBe(buffer.toString("base64"));
        expect(base64url(bytes)).toBe(buffer.toString("base64url"));
        expect(fromHex(hex(bytes))).toEqual(Uint8Array.from(bytes));
        expect(fromBase64(base64(bytes))).toEqual(Uint8Array.from(bytes));
        expect(fromBase64url(base64url(bytes))).toEqual(Uint8Array.from(bytes));
      }),
      { seed, numRuns: 500 },
    );
  });

  test("in megabytes, too", () => {
    const bytes = new Uint8Array(3_000_001).map((_byte, index) => index * 31);
    expect(base64(bytes)).toBe(Buffer.from(bytes).toString("base64"));
    expect(base64url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
  });

  test.each([
    ["base64", fromBase64, ["A", "AA", "AAA", "A===", "=", "AA=A", "A-A_", "AAA\n", "AAAA ", "AAAA===="]],
    ["base64url", fromBase64url, ["A", "AAAAA", "AA==", "A+A/", "AA A", "AAA\n"]],
  ] as const)("what is no %s has no bytes", (_what, read, texts) => {
    for (const text of texts) expect(read(text), JSON.stringify(text)).toBeUndefined();
  });

  test.each(["0", "0g", "0x00", " 00", "00\n", "AB"])("%j is not what hex writes", (text) => {
    expect(() => fromHex(text)).toThrow(TypeError);
  });

  test("are joined", () => {
    const joined = concat(utf8("a\u00e4"), new Uint8Array(), utf8("\u{1F600}"));
    expect(Buffer.from(joined).toString()).toBe("a\u00e4\u{1F600}");
  });
});
