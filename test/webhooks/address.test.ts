import fc from "fast-check";
import ip from "ipaddr.js";
import { describe, expect, test } from "vitest";
import { block, isIn, parseAddress } from "../../src/webhooks/address.ts";
import { classify } from "../../src/webhooks/guard-address.ts";

const seed = Number(process.env["SEED"] ?? Date.now());

/** ipaddr.js is the oracle: another parser of the same addresses. */
describe(`addresses, seed ${seed}`, () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

  test("IPv6 is read as ipaddr.js reads it, in every spelling that it writes", () => {
    fc.assert(
      fc.property(
        bytes(16),
        fc.integer({ min: 0, max: 15 }),
        fc.integer({ min: 0, max: 15 }),
        (random, from, to) => {
          const address = new ip.IPv6(Array.from(random.fill(0, from, to)));
          for (const text of [address.toString(), address.toNormalizedString(), address.toRFC5952String()]) {
            expect(parseAddress(text)).toEqual(address.toByteArray());
          }
        },
      ),
      { seed, numRuns: 500 },
    );
  });

  test("no text is an IPv6 address for one parser alone, but for decimal parts that begin with a zero", () => {
    const text = fc.array(
      fc.constantFrom(":", "::", "0", "1", "ffff", "g", "10000", "1.2.3.4", "1.2.3", "."),
      { maxLength: 10 },
    );
    fc.assert(
      fc.property(text, (parts) => {
        const address = parts.join("");
        if (!address.includes(":") || /(^|[:.])0\d+\.|\.0\d/.test(address)) return;
        expect(parseAddress(address) !== undefined, address).toBe(ip.IPv6.isValid(address));
      }),
      { seed, numRuns: 5_000 },
    );
  });

  test("a block holds what ipaddr.js says it holds", () => {
    fc.assert(
      fc.property(bytes(4), bytes(4), fc.integer({ min: 0, max: 32 }), (a, b, bits) => {
        const [address, first] = [Array.from(a), Array.from(b)];
        const cidr = `${first.join(".")}/${bits}`;
        expect(isIn(address, block(cidr))).toBe(new ip.IPv4(address).match(ip.parseCIDR(cidr)));
      }),
      { seed, numRuns: 500 },
    );
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
