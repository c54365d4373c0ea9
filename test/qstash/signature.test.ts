import { describe, expect, test } from "vitest";
import { nodeCrypto } from "../../src/adapters/crypto/node-crypto.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { createVerifier } from "../../src/adapters/qstash/signature.ts";
import { sign } from "../support/qstash-signature.ts";

const [current, next] = ["sig_the-current-signing-key", "sig_the-next-signing-key"];
const publicUrl = "https://ringback.example.com";
const path = "/internal/run";
const body = '{"v":1}';
const right = { key: current, subject: `${publicUrl}${path}`, body };
const JUDGES = [
  ["the official Receiver", { crypto: webCrypto, judge: "official" }],
  ["node:crypto, as on Deno", { crypto: nodeCrypto, judge: "own" }],
] as const;

/** The same token with another header, its signature as it was. */
function headed(token: string, header: object): string {
  const [, payload, mac] = token.split(".");
  return [Buffer.from(JSON.stringify(header)).toString("base64url"), payload, mac].join(".");
}

describe.each(JUDGES)("the signature of a call by the queue, judged by %s", (_, judging) => {
  const verify = createVerifier({ currentSigningKey: current, nextSigningKey: next, publicUrl, ...judging });
  const passes = async (signature: string | null) =>
    (await verify({ signature, path, body: new TextEncoder().encode(body) })).valid;

  test("passes under the current key and the next one, and under no other", async () => {
    expect(await passes(await sign(right))).toBe(true);
    expect(await passes(await sign({ ...right, key: next }))).toBe(true);
    expect(await passes(await sign({ ...right, key: "sig_another-signing-key" }))).toBe(false);
  });

  test.each(["HS384", "HS512"] as const)(
    "%s is refused, though the key is right and the library would take it",
    async (algorithm) => {
      for (const key of [current, next])
        expect(await passes(await sign({ ...right, key, algorithm }))).toBe(false);
    },
  );

  test.each([
    ["none"],
    ["None"],
    ["RS256"],
    ["ES256"],
    ["hs256"],
    [""],
    [undefined],
    [null],
    [["HS256"]],
    [{}],
  ])("an algorithm of %j in the header is refused", async (alg) => {
    expect(await passes(headed(await sign(right), { alg, typ: "JWT" }))).toBe(false);
  });

  test("without an expiry, or with one that has passed, it is refused", async () => {
    expect(await passes(await sign({ ...right, expiresIn: null }))).toBe(false);
    expect(await passes(await sign({ ...right, expiresIn: -60 }))).toBe(false);
  });

  test.each(["", ".", "..", "a.b", "a.b.c.d", "!.!.!", "eyJhbGciOiJIUzI1NiJ9..x"])(
    "%j is no signature",
    async (token) => {
      expect(await passes(token)).toBe(false);
    },
  );

  test("of another body, path, address or issuer, or none at all, is refused", async () => {
    for (const other of [
      { body: "{}" },
      { subject: `${publicUrl}/internal/sweep` },
      { subject: `https://elsewhere.example.com${path}` },
      { issuer: "Somebody" },
    ]) {
      expect(await passes(await sign({ ...right, ...other }))).toBe(false);
    }
    expect(await passes(null)).toBe(false);
  });
});
