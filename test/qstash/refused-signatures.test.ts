import { createHash, createHmac } from "node:crypto";
import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { nodeCrypto } from "../../src/adapters/crypto/node-crypto.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { createVerifier } from "../../src/adapters/qstash/signature.ts";
import { sign } from "../support/qstash-signature.ts";

const CURRENT = "sig_current_key_of_this_test";
const NEXT = "sig_next_key_of_this_test";
const PATH = "/internal/run";
const URL_ = `https://gateway.example.com${PATH}`;
const BODY = '{"v":1}';

const right = { key: CURRENT, subject: URL_, body: BODY };

/** A token with its own `nbf`, in seconds from now. */
function startingIn(seconds: number): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT({ body: "x" })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("Upstash")
    .setSubject(URL_)
    .setNotBefore(now + seconds)
    .setExpirationTime(now + 300 + seconds)
    .sign(new TextEncoder().encode(CURRENT));
}

/** A token of any header and claims, signed with the current key. */
function handmade(header: object, claims: object): string {
  const [head, payload] = [header, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  const mac = createHmac("sha256", CURRENT).update(`${head}.${payload}`).digest("base64url");
  return `${head}.${payload}.${mac}`;
}

const hashOf = (text: string) => createHash("sha256").update(text).digest("base64url");

describe.each([
  ["the official Receiver", { crypto: webCrypto, judge: "official" }],
  ["node:crypto, as on Deno", { crypto: nodeCrypto, judge: "own" }],
] as const)("judged by %s", (_, judging) => {
  const verify = createVerifier({
    currentSigningKey: CURRENT,
    nextSigningKey: NEXT,
    publicUrl: "https://gateway.example.com",
    ...judging,
  });
  const verdictOf = (signature: string | null, body = BODY) =>
    verify({ signature, path: PATH, body: new TextEncoder().encode(body) });

  describe("a call is the queue's when either key has signed it", () => {
    test.for([CURRENT, NEXT])("%s", async (key) => {
      expect(await verdictOf(await sign({ ...right, key }))).toEqual({ valid: true });
    });
  });

  describe("a refusal names the check that failed", () => {
    test("no signature", async () => {
      expect(await verdictOf(null)).toEqual({ valid: false, reason: "no-signature" });
    });

    test.for(["", "x", "a.b.c", "....", "e30.e30.AA", `${"a".repeat(9_000)}.b.c`])(
      "not a token: %s",
      async (text) => {
        expect(await verdictOf(text)).toEqual({ valid: false, reason: "malformed-signature" });
      },
    );

    test("a token without expiry, or of another algorithm", async () => {
      const refused = { valid: false, reason: "malformed-signature" };
      expect(await verdictOf(await sign({ ...right, expiresIn: null }))).toEqual(refused);
      expect(await verdictOf(await sign({ ...right, algorithm: "HS512" }))).toEqual(refused);
    });

    test("signed with neither key, and wrong in each claim: what it says is not repeated", async () => {
      const forged = { key: "sig_of_somebody_else", subject: "https://evil.example/<script>", body: "other" };
      expect(await verdictOf(await sign({ ...forged, issuer: "Nobody", expiresIn: -600 }))).toEqual({
        valid: false,
        reason: "wrong-key",
      });
    });

    test("another issuer", async () => {
      expect(await verdictOf(await sign({ ...right, issuer: "Downstash" }))).toEqual({
        valid: false,
        reason: "wrong-issuer",
      });
    });

    test.for([CURRENT, NEXT])("another address, with both: signed with %s", async (key) => {
      const given = "https://elsewhere.example.com/internal/run";
      expect(await verdictOf(await sign({ ...right, key, subject: given }))).toEqual({
        valid: false,
        reason: "wrong-subject",
        expected: URL_,
        given,
      });
    });

    test.for([CURRENT, NEXT])("expired, with how long ago: signed with %s", async (key) => {
      const verdict = await verdictOf(await sign({ ...right, key, expiresIn: -60 }));
      expect(verdict).toMatchObject({ valid: false, reason: "expired" });
      expect("seconds" in verdict && verdict.seconds).toBeGreaterThanOrEqual(60);
    });

    test("not yet valid, with how long until then", async () => {
      const verdict = await verdictOf(await startingIn(120));
      expect(verdict).toMatchObject({ valid: false, reason: "not-yet-valid" });
      expect("seconds" in verdict && verdict.seconds).toBeGreaterThan(100);
    });

    test("another body, one that is not UTF-8, and a token that says nothing of a body", async () => {
      const refused = { valid: false, reason: "wrong-body" };
      expect(await verdictOf(await sign(right), `${BODY} `)).toEqual(refused);
      const bytes = new Uint8Array([0xff, 0xfe]);
      const odd = await sign({ ...right, body: "\ufffd\ufffd" });
      expect(await verify({ signature: odd, path: PATH, body: bytes })).toEqual({ valid: true });
      const bare = await new SignJWT({})
        .setProtectedHeader({ alg: "HS256" })
        .setIssuer("Upstash")
        .setSubject(URL_)
        .setExpirationTime("5m")
        .sign(new TextEncoder().encode(CURRENT));
      expect(await verdictOf(bare)).toEqual(refused);
    });

    test("a header with an extension that must be understood, and a time that is no number", async () => {
      const refused = { valid: false, reason: "malformed-signature" };
      const claims = {
        iss: "Upstash",
        sub: URL_,
        body: hashOf(BODY),
        exp: Math.floor(Date.now() / 1_000) + 300,
      };
      expect(await verdictOf(handmade({ alg: "HS256" }, claims))).toEqual({ valid: true });
      for (const header of [
        { alg: "HS256", crit: ["b64"], b64: false },
        { alg: "HS256", crit: [] },
      ]) {
        expect(await verdictOf(handmade(header, claims))).toEqual(refused);
      }
      for (const odd of [{ exp: "4102444800" }, { nbf: "0" }, { iat: "0" }, { exp: null }]) {
        expect(await verdictOf(handmade({ alg: "HS256" }, { ...claims, ...odd }))).toEqual(refused);
      }
    });

    test("a hash of the body with padding is the same hash", async () => {
      const claims = {
        iss: "Upstash",
        sub: URL_,
        body: `${hashOf(BODY)}=`,
        exp: Math.floor(Date.now() / 1_000) + 300,
      };
      expect(await verdictOf(handmade({ alg: "HS256" }, claims))).toEqual({ valid: true });
    });
  });
});
