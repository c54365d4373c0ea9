import { describe, expect, it, onTestFinished } from "vitest";
import { createLookup, type Lookup } from "../../src/adapters/egress/dns.ts";
import { ResolverUnavailable } from "../../src/ports/fetcher.ts";
import { Doh, type Rr, type Zone, type Zones } from "../support/doh.ts";
import { failure } from "./local-server.ts";

async function resolver(
  zones: Zones,
  pinned = false,
): Promise<{ lookup: Lookup; doh: Doh; later(ms: number): void }> {
  const doh = await Doh.start(zones);
  onTestFinished(() => doh.stop());
  let now = 1_000_000;
  return {
    doh,
    lookup: createLookup({ url: doh.url, pinned, clock: () => now }),
    later: (ms) => {
      now += ms;
    },
  };
}

describe("a name is resolved", () => {
  it("by its A and AAAA records, each address once", async () => {
    const { lookup, doh } = await resolver(() => ["1.1.1.1", "1.0.0.1", "2606:4700:4700::1111"]);
    expect(await lookup("one.example.com")).toEqual(["1.1.1.1", "1.0.0.1", "2606:4700:4700::1111"]);
    expect(doh.asked.sort()).toEqual(["A one.example.com", "AAAA one.example.com"]);
  });

  it("to the end of its CNAME chain, whatever name that stands under, past records of other types", async () => {
    const records: Rr[] = [
      { type: 5, data: "a.example.net." },
      { type: 5, name: "a.example.net", data: "b.example.org." },
      { type: 46, data: "A 13 3 300 sig" },
      { type: 1, name: "b.example.org", data: "10.0.0.9" },
    ];
    const { lookup } = await resolver((_name, type) => (type === "A" ? { records } : []));
    expect(await lookup("alias.example.com")).toEqual(["10.0.0.9"]);
  });

  it("with one family alone", async () => {
    const { lookup } = await resolver((name) => (name === "six" ? ["2606:4700::1"] : ["1.1.1.1"]));
    expect(await lookup("six")).toEqual(["2606:4700::1"]);
    expect(await lookup("four")).toEqual(["1.1.1.1"]);
  });
});

describe("when the answer about one family is a denial and the other is good, the good one serves", () => {
  const kinds = [
    ["FORMERR", 1],
    ["NXDOMAIN", 3],
    ["NOTIMP", 4],
  ] as const;
  it.each(kinds)("%s for AAAA or for A, where the request goes to what was found", async (_what, status) => {
    const { lookup } = await resolver((name) => ({ status, of: name === "four" ? "AAAA" : "A" }), true);
    expect(await lookup("four")).toEqual(["93.184.215.14"]);
    expect(await lookup("six")).toEqual(["2606:2800:21f::1"]);
  });

  it.each(kinds)("but not where the runtime resolves the name again: %s", async (_what, status) => {
    const { lookup } = await resolver(() => ({ status, of: "AAAA" }));
    expect((await failure(lookup("x.example.com"))).code).toBe("dns-failed");
  });

  it.each<[string, Zone]>([
    ["SERVFAIL for the other", { status: 2, of: "AAAA" }],
    ["REFUSED for the other", { status: 5, of: "AAAA" }],
    ["NXDOMAIN for both", { status: 3 }],
    ["NOTIMP for both", { status: 4 }],
  ])("but not with %s", async (_what, zone) => {
    const { lookup } = await resolver(() => zone, true);
    expect((await failure(lookup("x.example.com"))).code).toBe("dns-failed");
  });

  it("but not when the good one is empty", async () => {
    const { lookup } = await resolver((_name, type) => (type === "A" ? [] : { status: 3 }), true);
    expect((await failure(lookup("x.example.com"))).code).toBe("dns-failed");
  });
});

describe("asking again may help when the resolver failed, and not when the name did", () => {
  const answer = (fields: object): Zone => ({ text: JSON.stringify(fields) });
  it.each<[boolean, string, Zone]>([
    [true, "SERVFAIL", { status: 2 }],
    [true, "SERVFAIL for one family", { status: 2, of: "A" }],
    [true, "REFUSED", { status: 5 }],
    [true, "NOTIMP for both", { status: 4 }],
    [true, "500", { http: 500 }],
    [true, "429", { http: 429 }],
    [true, "a redirect", { http: 302 }],
    [true, "no JSON", { text: "<html>sign in to the Wi-Fi</html>" }],
    [true, "another shape", answer({ status: 0 })],
    [true, "a truncated answer", answer({ Status: 0, TC: true })],
    [true, "no answer in time", "hang"],
    [false, "NXDOMAIN", { status: 3 }],
    [false, "no address", []],
    [false, "an invalid address", { records: [{ type: 1, data: "127.1" }] }],
  ])("%s: %s", { timeout: 15_000 }, async (again, _what, zone) => {
    const { lookup } = await resolver(() => zone);
    expect((await failure(lookup("x.example.com"))) instanceof ResolverUnavailable).toBe(again);
  });

  it("true: nobody listens", async () => {
    const gone = await Doh.start(() => []);
    await gone.stop();
    expect(await failure(createLookup({ url: gone.url })("x.example.com"))).toBeInstanceOf(
      ResolverUnavailable,
    );
  });
});

describe("an answer is kept", () => {
  it.each([
    ["for its TTL", 30, 29_000, 31_000],
    ["for a minute at most", 86_400, 59_000, 61_000],
  ])("%s", async (_what, ttl, within, beyond) => {
    const { lookup, doh, later } = await resolver(() => ({ a: ["1.1.1.1"], ttl }));
    await lookup("kept.example.com");
    later(within);
    await lookup("kept.example.com");
    expect(doh.asked).toHaveLength(2);
    later(beyond - within);
    await lookup("kept.example.com");
    expect(doh.asked).toHaveLength(4);
  });

  it("as long as the shortest TTL of the whole chain, and not at all when that is 0", async () => {
    const chain = (ttl: number): Rr[] => [
      { type: 5, TTL: ttl, data: "b.example.org." },
      { type: 1, TTL: 300, name: "b.example.org", data: "1.1.1.1" },
    ];
    const { lookup, doh, later } = await resolver((name) => ({ records: chain(name === "zero" ? 0 : 5) }));
    await lookup("five");
    later(6_000);
    await lookup("five");
    await lookup("zero");
    await lookup("zero");
    expect(doh.asked).toHaveLength(8);
  });

  it("for a thousand names, the oldest going first", async () => {
    const { lookup, doh } = await resolver(() => ({ a: ["1.1.1.1"], ttl: 60 }));
    for (let n = 0; n <= 1_000; n += 1) await lookup(`n${n}.example.com`);
    const before = doh.asked.length;
    await lookup("n1.example.com");
    expect(doh.asked).toHaveLength(before);
    await lookup("n0.example.com");
    expect(doh.asked).toHaveLength(before + 2);
  });

  it("not when it failed: the next question finds the mended name", async () => {
    let zone: Zone = { status: 2 };
    const { lookup } = await resolver(() => zone);
    await failure(lookup("mended.example.com"));
    zone = ["1.1.1.1"];
    expect(await lookup("mended.example.com")).toEqual(["1.1.1.1"]);
  });
});

describe("no usable answer is dns-failed", () => {
  const record = (data: string, type = 1): Zone => ({ records: [{ type, data }] });
  const answer = (fields: object): Zone => ({ text: JSON.stringify(fields) });
  it.each<[string, Zone]>([
    ["NXDOMAIN", { status: 3 }],
    ["SERVFAIL", { status: 2 }],
    ["REFUSED", { status: 5 }],
    ["SERVFAIL for AAAA alone, the A being fine", { status: 2, of: "AAAA" }],
    ["SERVFAIL for A alone, the AAAA being fine", { status: 2, of: "A" }],
    ["a name without any address", []],
    ["a CNAME that leads to nothing", record("gone.example.net.", 5)],
    ["500", { http: 500 }],
    ["a redirect, which is not followed", { http: 302 }],
    ["no JSON", { text: "<html>sign in to the Wi-Fi</html>" }],
    ["another shape", answer({ status: 0, answer: [] })],
    ["no status", answer({ Answer: [{ type: 1, TTL: 1, data: "1.1.1.1" }] })],
    ["an answer that is no list", answer({ Status: 0, Answer: { type: 1, TTL: 1, data: "1.1.1.1" } })],
    ["a truncated one", answer({ Status: 0, TC: true, Answer: [{ type: 1, TTL: 1, data: "1.1.1.1" }] })],
    ["an invalid address", record("hooks.example.com")],
    ["an address in a spelling that parsers read differently", record("0177.0.0.1")],
    ["a short address", record("127.1")],
    ["an address with a zone", record("fe80::1%eth0", 28)],
    ["an empty address", record("")],
    [
      "one bad address among good ones",
      {
        records: [
          { type: 1, data: "1.1.1.1" },
          { type: 1, data: "x" },
        ],
      },
    ],
    ["more than 64 KiB", { text: JSON.stringify({ Status: 0, Answer: [], Comment: "x".repeat(70_000) }) }],
  ])("%s", async (_what, zone) => {
    const { lookup } = await resolver(() => zone);
    const failed = await failure(lookup("broken.example.com"));
    expect(failed.code).toBe("dns-failed");
    expect(failed.message).not.toMatch(/127\.0\.0\.1|dns-query/);
  });

  it("nobody listens, or nobody answers within 5 s", { timeout: 20_000 }, async () => {
    const gone = await Doh.start(() => []);
    await gone.stop();
    const refused = await failure(createLookup({ url: gone.url })("x.example.com"));
    expect(refused.code).toBe("dns-failed");
    const { lookup } = await resolver(() => "hang");
    const began = performance.now();
    expect((await failure(lookup("x.example.com"))).code).toBe("dns-failed");
    expect(performance.now() - began).toBeGreaterThan(4_900);
  });

  it("an attempt's own time runs out while it is resolved", async () => {
    const { lookup } = await resolver(() => "hang");
    const failed = await failure(lookup("x.example.com", AbortSignal.timeout(50)));
    expect(failed.code).toBe("dns-failed");
  });
});
