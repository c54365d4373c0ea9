import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import ip from "ipaddr.js";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { createGuard, type GuardPolicy } from "../../src/adapters/egress/guard.ts";

const seed = Number(process.env["SEED"] ?? 20261124);
console.info(`seed ${seed}`);

const allow = [
  "10.20.30.40",
  "build.corp",
  "hooks.internal:9443",
  ":10443",
  "fd00:1::5",
  "169.254.7.7",
  "metadata.google.internal:9443",
];
const policies: Record<"strict" | "local", GuardPolicy> = {
  strict: {
    mode: "strict",
    allow,
    ownHosts: ["gateway.example.com"],
    upstashHosts: ["redis.vendor.example"],
  },
  local: {
    mode: "local",
    allow,
    ownHosts: ["127.0.0.1:8787", "gateway.example.com"],
    upstashHosts: ["127.0.0.1:8079", "localhost:8080", "redis.vendor.example"],
  },
};
const guards = { strict: createGuard(policies.strict), local: createGuard(policies.local) };

const verdict = z.enum(["allowed", "refused"]);
const corpusSchema = z.array(
  z.strictObject({ url: z.string(), strict: verdict, local: verdict, why: z.string() }),
);
const folder = new URL("./corpus/", import.meta.url);

describe("the corpus", () => {
  const files = readdirSync(folder);
  let total = 0;
  for (const file of files) {
    const entries = corpusSchema.parse(JSON.parse(readFileSync(new URL(file, folder), "utf8")));
    total += entries.length;
    for (const mode of ["strict", "local"] as const) {
      it(`${file}: each URL is judged as written down, ${mode}`, () => {
        const wrong = entries.flatMap(({ url, why, ...expected }) => {
          const unsafe = guards[mode].checkUrl(url);
          const got = unsafe ? "refused" : "allowed";
          return got === expected[mode] ? [] : [{ url, why, got, detail: unsafe?.detail }];
        });
        expect(wrong).toEqual([]);
      });
    }
  }
  it("has at least 250 URLs", () => {
    expect(total).toBeGreaterThanOrEqual(250);
  });
});

// Blocks that neither policy ever calls, and those that `local` does.
const NEVER = [
  "0.0.0.0/8",
  "100.64.0.0/10",
  "169.254.0.0/16",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];
const LOCAL_ONLY = ["10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

function addressIn(blocks: readonly string[]): fc.Arbitrary<number> {
  return fc.constantFrom(...blocks).chain((block) => {
    const [network, bits] = ip.IPv4.parseCIDR(block);
    const first = network.octets.reduce((sum, octet) => sum * 256 + octet, 0);
    return fc.integer({ min: first, max: first + 2 ** (32 - bits) - 1 });
  });
}

const bases = fc.array(fc.constantFrom(8, 10, 16), { minLength: 4, maxLength: 4 });

/** An address as the URL parser accepts it: one to four parts, each in base 8, 10 or 16, perhaps with zeros before it. */
function spell(address: number, parts: number, radixes: readonly number[], zeros: string): string {
  const heads = [24, 16, 8].slice(0, parts - 1).map((shift) => Math.floor(address / 2 ** shift) % 256);
  const numbers = [...heads, address % 2 ** (32 - 8 * (parts - 1))];
  const spelt = numbers.map((number, index) => {
    const radix = radixes[index] ?? 10;
    const prefix = { 8: `0${zeros}`, 10: "", 16: `0x${zeros}` }[radix] ?? "";
    return prefix + number.toString(radix);
  });
  return spelt.join(".");
}

const spelling = fc.tuple(fc.integer({ min: 1, max: 4 }), bases, fc.constantFrom("", "0", "000"));

describe("properties", () => {
  it("an address of a denied block is refused in every spelling, under both policies", () => {
    const check = ([address, [parts, radixes, zeros], dot]: [number, [number, number[], string], string]) => {
      const url = `https://${spell(address, parts, radixes, zeros)}${dot}/`;
      expect(URL.canParse(url)).toBe(true);
      return guards.strict.checkUrl(url) !== undefined && guards.local.checkUrl(url) !== undefined;
    };
    fc.assert(fc.property(fc.tuple(addressIn(NEVER), spelling, fc.constantFrom("", ".")), check), {
      seed,
      numRuns: 2_000,
    });
  });

  it("a private or loopback address is refused under strict in every spelling, and called under local", () => {
    fc.assert(
      fc.property(addressIn(LOCAL_ONLY), spelling, (address, [parts, radixes, zeros]) => {
        const url = `https://${spell(address, parts, radixes, zeros)}:8443/`;
        const listed = new URL(url).hostname === "10.20.30.40";
        return (
          (guards.strict.checkUrl(url) === undefined) === listed && guards.local.checkUrl(url) === undefined
        );
      }),
      { seed, numRuns: 2_000 },
    );
  });

  it("169.254.0.0/16 is refused inside every form of IPv6 that carries it", () => {
    const forms = (hex: string, inverted: string): readonly string[] => [
      `::ffff:${hex}`,
      `::${hex}`,
      `::ffff:0:${hex}`,
      `64:ff9b::${hex}`,
      `64:ff9b:1::${hex}`,
      `2002:${hex}::`,
      `2001:0:1:2:3:4:${inverted}`,
      `2606:4700::5efe:${hex}`,
    ];
    const groups = (number: number) => `${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`;
    fc.assert(
      fc.property(addressIn(["169.254.0.0/16"]), (address) =>
        forms(groups(address), groups(~address)).every(
          (form) =>
            guards.local.checkUrl(`http://[${form}]/`) !== undefined &&
            guards.strict.checkUrl(`https://[${form}]/`) !== undefined &&
            guards.local.checkAddress(form) !== undefined,
        ),
      ),
      { seed, numRuns: 1_000 },
    );
  });

  it("no string makes it throw, and what it allows is an absolute http URL", () => {
    const piece = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.webUrl(),
      fc.ipV6().map((address) => `[${address}]`),
      fc.constantFrom(
        "https://",
        "http:",
        "//",
        "\\",
        "@",
        ":",
        "%",
        "[",
        "]",
        ".",
        "\u0000",
        "xn--",
        "0x",
        "localhost",
      ),
    );
    const text = fc.oneof(
      piece,
      fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join("")),
    );
    fc.assert(
      fc.property(text, (url) => {
        for (const mode of ["strict", "local"] as const) {
          guards[mode].checkAddress(url);
          if (guards[mode].checkUrl(url) !== undefined) continue;
          expect(new URL(url).protocol).toMatch(mode === "strict" ? /^https:$/ : /^https?:$/);
        }
      }),
      { seed, numRuns: 2_000 },
    );
  });
});

describe("addresses that names resolve to", () => {
  const cases: readonly (readonly [string, boolean, boolean])[] = [
    ["93.184.216.34", true, true],
    ["2606:4700:4700::1111", true, true],
    ["2606:4700:4700:0:0:0:0:1111", true, true],
    ["10.0.0.1", false, true],
    ["127.0.0.1", false, true],
    ["::1", false, true],
    ["::ffff:8.8.8.8", false, true],
    ["169.254.169.254", false, false],
    ["::ffff:169.254.169.254", false, false],
    ["64:ff9b::808:808", false, false],
    ["fe80::1%eth0", false, false],
    ["10.20.30.40", true, true],
    ["fd00:1:0::5", true, true],
    ["", false, false],
    ["example.com", false, false],
    ["1.1.1.1/x", false, false],
  ];
  it.each(cases)("%s: strict %s, local %s", (address, strict, local) => {
    expect(guards.strict.checkAddress(address) === undefined).toBe(strict);
    expect(guards.local.checkAddress(address) === undefined).toBe(local);
  });
});

describe("what the client is told", () => {
  it.each([
    ["http://example.com/", "The scheme must be https."],
    ["https://example.com:22/", "Port 22 is not allowed."],
    ["https://user@example.com/", "The URL must not carry a user name or password."],
    ["https://10.0.0.1/", "The host must be a name, not an IP address."],
    ["https://db.internal/", "Names under .internal are not public."],
    ["https://gateway.example.com/", "The URL leads to the gateway itself."],
  ])("%s: %s", (url, detail) => {
    expect(guards.strict.checkUrl(url)).toEqual({ code: "unsafe-address", detail });
  });
});

describe("the policy", () => {
  it.each(["", "a b", "host/path", "user@host", "host:0", "host:65536", ":99999", "[::1"])(
    "%j is no host",
    (entry) => {
      expect(() => createGuard({ ...policies.strict, allow: [entry] })).toThrow(TypeError);
    },
  );
});
