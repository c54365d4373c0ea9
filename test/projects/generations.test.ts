import { describe, expect, test } from "vitest";
import { createKeyring } from "../../src/adapters/crypto/keyring.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { StoreUnavailable } from "../../src/ports/errors.ts";
import { createRetiredGenerations, keepGenerations } from "../../src/projects/generations.ts";

const masters = ["the first master secret", "the second master secret", "the third master secret"] as const;
const project = "prj_01kawtzq4je0a8yqh3n5v6w7x8";

/** What Redis keeps, and the gateways of several deployments over it. */
function deployments(first: Readonly<Record<string, string>> = { complete: "1" }) {
  let kept = { ...first };
  let reads = 0;
  let now = 0;
  let isAway = false;
  const store = {
    generations: async (changes: Readonly<Record<string, string>> = {}) => {
      reads++;
      if (isAway) throw new StoreUnavailable("away");
      kept = { ...kept, ...changes };
      return kept;
    },
  };
  const gateway = (master: string, previous?: string) => {
    const keyring = createKeyring(webCrypto, master, previous);
    const deps = { keyring, store, clock: () => now };
    const retired = createRetiredGenerations(deps);
    return {
      keep: () => keepGenerations(deps),
      key: () => keyring.issueApiKey(project, new Uint8Array(16), crypto.getRandomValues(new Uint8Array(24))),
      isOurs: async (key: string) => (await keyring.verifyApiKey(key, retired)) !== undefined,
    };
  };
  return {
    gateway,
    reads: () => reads,
    pass: (length: number) => (now += length),
    away: (value: boolean) => (isAway = value),
  };
}

/** The same key with another secret in it: its MAC no longer fits. */
const forged = (key: string) => `${key.slice(0, 70)}${key[70] === "A" ? "B" : "A"}${key.slice(71)}`;
/** A key of a generation that never was. */
const madeUp = () =>
  createKeyring(webCrypto, crypto.randomUUID()).issueApiKey(project, new Uint8Array(16), new Uint8Array(24));

describe("API keys of generations that are not configured", () => {
  test("stay valid over two rotations, and are MAC-checked", async () => {
    const { gateway } = deployments();
    const first = gateway(masters[0]);
    await first.keep();
    const key = await first.key();
    await gateway(masters[1], masters[0]).keep();
    await gateway(masters[2], masters[1]).keep();
    const third = gateway(masters[2]);
    expect(await third.isOurs(key)).toBe(true);
    expect(await third.isOurs(forged(key))).toBe(false);
  });

  test("of a generation that never was cost one read of Redis a minute, however many come", async () => {
    const { gateway, reads, pass } = deployments();
    const present = gateway(masters[0]);
    for (let i = 0; i < 20; i++) expect(await present.isOurs(await madeUp())).toBe(false);
    expect(reads()).toBe(1);
    pass(60_000);
    for (let i = 0; i < 20; i++) expect(await present.isOurs(await madeUp())).toBe(false);
    expect(reads()).toBe(2);
  });

  test("of a configured generation never ask", async () => {
    const { gateway, reads } = deployments();
    const present = gateway(masters[1], masters[0]);
    expect(await present.isOurs(await present.key())).toBe(true);
    expect(await present.isOurs(await gateway(masters[0]).key())).toBe(true);
    expect(await present.isOurs(forged(await present.key()))).toBe(false);
    expect(reads()).toBe(0);
  });

  test("are left to Redis where a generation may be missing from what is kept", async () => {
    const { gateway } = deployments({});
    const key = await gateway(masters[0]).key(); // by a release that kept nothing
    await gateway(masters[2], masters[1]).keep();
    expect(await gateway(masters[2]).isOurs(key)).toBe(true);
  });

  test("are left to Redis where the master secret changed without the previous one", async () => {
    const { gateway } = deployments();
    const first = gateway(masters[0]);
    await first.keep();
    const key = await first.key();
    expect(await gateway(masters[1]).isOurs(key)).toBe(true);
  });

  test("of a newer deployment, side by side with the older one, are ours within a minute", async () => {
    const { gateway, pass } = deployments();
    const older = gateway(masters[0]);
    await older.keep();
    expect(await older.isOurs(await madeUp())).toBe(false);
    const newer = gateway(masters[1], masters[0]);
    await newer.keep();
    const key = await newer.key();
    pass(60_000);
    expect(await older.isOurs(key)).toBe(true);
  });

  test("are unavailable, not refused, while Redis is away; and nothing of that is remembered", async () => {
    const { gateway, away } = deployments();
    const first = gateway(masters[0]);
    await first.keep();
    const key = await first.key();
    const second = gateway(masters[1], masters[0]);
    await second.keep();
    const later = gateway(masters[1]);
    away(true);
    await expect(later.isOurs(key)).rejects.toThrow(StoreUnavailable);
    away(false);
    expect(await later.isOurs(key)).toBe(true);
  });
});
