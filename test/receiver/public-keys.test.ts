import { createServer } from "node:http";
import { describe, expect, it } from "vitest";
import { createSign } from "../../src/adapters/crypto/sign.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { verifyCallback } from "../../src/receiver/index.ts";
import { listen } from "../egress/local-server.ts";
import { BODY, codeOf, newKeyPair, newSecret, requestOf } from "./signed.ts";

const sign = createSign(webCrypto);

const secret = newSecret();
const now = new Date();
const at = (seconds: number): Date => new Date(Math.floor(now.getTime() / 1_000 + seconds) * 1_000);
const clock = { now: () => at(0).getTime() };

describe("public keys", () => {
  const pair = newKeyPair();
  const other = newKeyPair();
  const request = (by = pair) =>
    requestOf(secret, { id: "evt_1", at: at(0), signature: by.sign("evt_1", at(0), BODY) });

  it.each([
    ["whpk_", pair.whpk],
    ["one of several", [other.whpk, pair.whpk]],
    ["a JWKS", { keys: [{ kty: "RSA" }, other.jwk, pair.jwk] }],
  ])("verify by %s", async (_how, publicKeys) => {
    expect((await verifyCallback(request(), [], { ...clock, publicKeys })).id).toBe("evt_1");
    expect(await codeOf(verifyCallback(request(newKeyPair()), [], { ...clock, publicKeys }))).toBe(
      "bad-signature",
    );
  });

  it("verify what the gateway signs", async () => {
    const { privateKey, publicKey } = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
    const jwk = JSON.stringify(await crypto.subtle.exportKey("jwk", privateKey));
    const signature = await sign([newSecret(), jwk], "evt_1", at(0).getTime() / 1_000, BODY);
    const raw = Buffer.from(await crypto.subtle.exportKey("raw", publicKey)).toString("base64");
    const both = requestOf(secret, { id: "evt_1", at: at(0), signature });
    await verifyCallback(both, [], { ...clock, publicKeys: `whpk_${raw}` });
  });

  it("count beside secrets: either is enough", async () => {
    await verifyCallback(request(), secret, { ...clock, publicKeys: pair.whpk });
    await verifyCallback(requestOf(secret, { at: at(0) }), secret, { ...clock, publicKeys: pair.whpk });
  });

  it("are read from their address, kept for five minutes, and read again when none fits", async () => {
    const keys = { keys: [pair.jwk] };
    let reads = 0;
    const server = createServer((_request, response) => {
      reads += 1;
      response.end(JSON.stringify(keys));
    });
    const publicKeys = `http://127.0.0.1:${await listen(server)}/jwks/p.json`;
    const options = (seconds: number) => ({ publicKeys, tolerance: 1_000, now: () => at(seconds).getTime() });
    await verifyCallback(request(), [], options(0));
    await verifyCallback(request(), [], options(100));
    expect(reads).toBe(1);
    keys.keys = [other.jwk];
    expect(await codeOf(verifyCallback(request(other), [], options(20)))).toBe("bad-signature"); // read 20 s ago
    expect(reads).toBe(1);
    await verifyCallback(request(other), [], options(100));
    expect(reads).toBe(2);
    await verifyCallback(request(other), [], options(401));
    expect(reads).toBe(3);
    await verifyCallback(requestOf(secret, { at: at(0) }), secret, {
      ...clock,
      publicKeys: `${publicKeys}?unread`,
    });
    expect(reads).toBe(3);
  });

  it("that cannot be read are the receiver's fault, and tried again by the gateway", async () => {
    const server = createServer((_request, response) => response.writeHead(404).end());
    const url = new URL(`http://127.0.0.1:${await listen(server)}/jwks/p.json`);
    await expect(verifyCallback(request(), [], { ...clock, publicKeys: url })).rejects.toMatchObject({
      code: "keys-unavailable",
      status: 503,
    });
  });
});
