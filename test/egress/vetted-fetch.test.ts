import { readFileSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import * as z from "zod";
import { createLookup } from "../../src/adapters/egress/dns.ts";
import { createFetcher } from "../../src/adapters/egress/fetch.ts";
import { createGuard } from "../../src/adapters/egress/guard.ts";
import { Doh, type Zone, type Zones } from "../support/doh.ts";
import { failure } from "./local-server.ts";

interface Sent {
  readonly url: string;
  readonly addresses: readonly string[] | undefined;
}

/** The guarded fetch under `strict`, what it asks, and what it sends. */
async function strict(zones: Zones, answer: (url: string) => Response = () => new Response("ok")) {
  const doh = await Doh.start(zones);
  onTestFinished(() => doh.stop());
  const sent: Sent[] = [];
  const fetcher = createFetcher({
    guard: createGuard({
      mode: "strict",
      allow: ["listed.corp", "hooks.internal:9443", "10.20.30.40", ":10443"],
      ownHosts: ["gateway.example.com"],
      upstashHosts: [],
    }),
    lookup: createLookup({ url: doh.url }),
    send: async (url, _init, addresses) => {
      sent.push({ url, addresses });
      return answer(url);
    },
  });
  return { fetcher, doh, sent };
}

const corpus = z
  .array(
    z.strictObject({
      answers: z.array(z.string()),
      verdict: z.enum(["allowed", "refused"]),
      why: z.string(),
    }),
  )
  .parse(JSON.parse(readFileSync(new URL("./resolved.json", import.meta.url), "utf8")));

describe("a name is called when all that it resolves to may be called", () => {
  it.each(corpus)("$verdict: $answers ($why)", async ({ answers, verdict }) => {
    const { fetcher, sent } = await strict(() => answers);
    const request = fetcher.fetch("https://hooks.example.com/x", { method: "POST", redirect: "manual" });
    if (verdict === "allowed") {
      expect((await request).status).toBe(200);
      expect(sent).toEqual([{ url: "https://hooks.example.com/x", addresses: expect.anything() }]);
      expect([...(sent[0]?.addresses ?? [])].sort()).toEqual([...new Set(answers)].sort());
    } else {
      const refused = await failure(request);
      expect(refused.code).toBe("unsafe-address");
      for (const address of answers) expect(refused.message).not.toContain(address);
      expect(sent).toEqual([]);
    }
    const atRegistration = await fetcher.resolveAndCheck("https://hooks.example.com/x");
    expect(atRegistration?.code).toBe(verdict === "allowed" ? undefined : "unsafe-address");
  });

  it("nothing is sent when the name does not resolve, at registration neither", async () => {
    const { fetcher, sent } = await strict(() => ({ status: 2 }));
    expect((await failure(fetcher.fetch("https://a.example.com/", { redirect: "follow" }))).code).toBe(
      "dns-failed",
    );
    expect((await failure(fetcher.resolveAndCheck("https://a.example.com/"))).code).toBe("dns-failed");
    expect(sent).toEqual([]);
  });
});

describe("a name that changes its mind", () => {
  it("is judged anew before each request: public at registration, loopback at the attempt", async () => {
    const turns: Zone[] = [["93.184.215.14"], ["93.184.215.14"], ["127.0.0.1"], ["127.0.0.1"]]; // A and AAAA
    const { fetcher, sent } = await strict(() => turns.shift());
    expect(await fetcher.resolveAndCheck("https://rebind.example.com/")).toBeUndefined();
    const refused = await failure(fetcher.fetch("https://rebind.example.com/", { redirect: "manual" }));
    expect(refused.code).toBe("unsafe-address");
    expect(sent).toEqual([]);
  });

  it("is sent to the addresses that were judged: the sender need not ask again", async () => {
    const turns: Zone[] = [["93.184.215.14"], ["93.184.215.14"]];
    const { fetcher, sent, doh } = await strict(() => turns.shift() ?? ["127.0.0.1"]);
    await fetcher.fetch("https://rebind.example.com/", { redirect: "manual" });
    expect(sent).toEqual([{ url: "https://rebind.example.com/", addresses: ["93.184.215.14"] }]);
    expect(doh.asked).toHaveLength(2);
  });
});

describe("a redirect", () => {
  const zones: Zones = (name) => (name === "inside.example.com" ? ["192.168.1.1"] : ["93.184.215.14"]);
  const to = (location: string) => (url: string) =>
    url.endsWith("/start") ? new Response(null, { status: 302, headers: { location } }) : new Response("end");

  it.each([
    ["https://inside.example.com/", "a name that resolves to a private address"],
    ["//inside.example.com/x", "the same without a scheme"],
    ["https://inside.example.com./", "the same with a trailing dot"],
    ["https://INSIDE.example.com/", "the same in capitals"],
    ["https://127.0.0.1/", "an address"],
    ["https://0x7f.1/", "an address in hex"],
    ["http://public.example.com/", "http"],
    ["https://user:pass@public.example.com/", "userinfo"],
    ["https://public.example.com:22/", "a port"],
    ["https://gateway.example.com/internal/run", "the gateway itself"],
    ["https://metadata.google.internal/", "a metadata service"],
  ])("to %s is refused: %s", async (location) => {
    const { fetcher, sent } = await strict(zones, to(location));
    const refused = await failure(fetcher.fetch("https://a.example.com/start", { redirect: "follow" }));
    expect(refused.code).toBe("unsafe-address");
    expect(sent.map(({ url }) => url)).toEqual(["https://a.example.com/start"]);
  });

  it("to a name that does not resolve is dns-failed, and each hop is resolved", async () => {
    const lost = await strict(
      (name) => (name === "a.example.com" ? ["93.184.215.14"] : undefined),
      to("https://gone.example.com/"),
    );
    expect(
      (await failure(lost.fetcher.fetch("https://a.example.com/start", { redirect: "follow" }))).code,
    ).toBe("dns-failed");
    const fine = await strict(zones, to("https://b.example.com/end"));
    const response = await fine.fetcher.fetch("https://a.example.com/start", { redirect: "follow" });
    expect(await response.text()).toBe("end");
    expect(fine.doh.asked.sort()).toEqual(
      ["A a.example.com", "A b.example.com", "AAAA a.example.com", "AAAA b.example.com"].sort(),
    );
  });
});

describe("DNS is asked for names alone", () => {
  it.each([
    ["https://listed.corp/", "a host that the deployer listed"],
    ["https://hooks.internal:9443/", "a host listed with its port"],
    ["https://10.20.30.40/", "a listed address"],
  ])("%s is sent without a question: %s", async (url) => {
    const { fetcher, doh, sent } = await strict(() => undefined);
    await fetcher.fetch(url, { redirect: "manual" });
    expect(sent).toEqual([{ url, addresses: undefined }]);
    expect(doh.asked).toEqual([]);
  });

  it("a host at a listed port is asked for", async () => {
    const { fetcher } = await strict(() => ["10.0.0.1"]);
    const refused = await failure(fetcher.fetch("https://a.example.com:10443/", { redirect: "manual" }));
    expect(refused.code).toBe("unsafe-address");
  });

  it("what the URL alone tells is refused without a question", async () => {
    const { fetcher, doh } = await strict(() => ["93.184.215.14"]);
    for (const url of [
      "https://127.0.0.1/",
      "http://a.example.com/",
      "https://hooks.internal/",
      "https://db/",
    ]) {
      expect((await fetcher.resolveAndCheck(url))?.code).toBe("unsafe-address");
    }
    expect(doh.asked).toEqual([]);
  });

  it("the name is asked as the URL parser writes it, without a trailing dot", async () => {
    const { fetcher, doh } = await strict(() => ["93.184.215.14"]);
    await fetcher.resolveAndCheck("https://B\u00fccher.example./");
    expect(doh.asked).toContain("A xn--bcher-kva.example");
  });

  it("policy local asks nothing", async () => {
    const { doh } = await strict(() => undefined);
    const local = createFetcher({
      guard: createGuard({ mode: "local", allow: [], ownHosts: [], upstashHosts: [] }),
      lookup: createLookup({ url: doh.url }),
      send: async () => new Response("ok"),
    });
    await local.fetch("http://hooks.example.com/", { redirect: "manual" });
    expect(await local.resolveAndCheck("http://db:5432/")).toBeUndefined();
    expect(doh.asked).toEqual([]);
  });

  it("the caller's own reason comes back when it aborts during a question", async () => {
    const { fetcher } = await strict(() => "hang");
    const controller = new AbortController();
    const reason = new Error("canceled");
    setTimeout(() => controller.abort(reason), 30);
    const request = fetcher.fetch("https://a.example.com/", {
      redirect: "manual",
      signal: controller.signal,
    });
    await expect(request).rejects.toBe(reason);
  });
});
