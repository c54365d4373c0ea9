import fc from "fast-check";
import ip from "ipaddr.js";
import { describe, expect, test } from "vitest";
import { classify, parseAddress, unmapped } from "../../src/adapters/egress/guard-address.ts";

const seed = Number(process.env["SEED"] ?? Date.now());

describe(`addresses, seed ${seed}`, () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

  test("IPv6 is read in every spelling of the same address", () => {
    fc.assert(
      fc.property(
        bytes(16),
        fc.integer({ min: 0, max: 15 }),
        fc.integer({ min: 0, max: 15 }),
        (random, from, to) => {
          const address = new ip.IPv6(Array.from(random.fill(0, from, to)));
          for (const text of [address.toString(), address.toNormalizedString(), address.toRFC5952String()]) {
            expect(parseAddress(text)?.toByteArray()).toEqual(address.toByteArray());
          }
        },
      ),
      { seed, numRuns: 500 },
    );
  });

  test.each([
    "",
    "1",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.0.0.01",
    "1.2.3.256",
    "1.2.3.4.5",
    " 1.2.3.4",
    "1.2.3.4 ",
    "1.2.3.4/8",
    "[::1]",
    "::1%eth0",
    "::1%25eth0",
    "1::2::3",
    "12345::",
    "::g",
    "::ffff:0177.0.0.1",
    "::ffff:127.1",
    "::ffff:0x7f.0.0.1",
    "64:ff9b::010.0.0.1",
    "1.2.3.4:80",
    "1.2.3.4::",
    "example.com",
  ])("%j is no address, or is one for some parsers alone", (text) => {
    expect(parseAddress(text)).toBeUndefined();
    expect(classify(text)).toBeUndefined();
    expect(unmapped(text)).toBe(text);
  });

  test("nothing is public here that ipaddr.js calls special", () => {
    const four = bytes(4).map((value) => new ip.IPv4(Array.from(value)));
    const six = bytes(16).map((value) => new ip.IPv6([0x20, ...Array.from(value.subarray(1))]));
    fc.assert(
      fc.property(fc.oneof(four, six), (address) => {
        if (address.range() !== "unicast")
          expect(classify(address.toString()), address.toString()).not.toBe("public");
      }),
      { seed, numRuns: 5_000 },
    );
  });
});
