import { Webhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { describe, expect, test } from "vitest";
import { nodeCrypto } from "../../src/adapters/crypto/node-crypto.ts";
import { createSign } from "../../src/adapters/crypto/sign.ts";
import { webCrypto } from "../../src/adapters/crypto/web-crypto.ts";
import { makeSigningSecret } from "../../src/endpoints/signing-secrets.ts";

const id = "evt_01m85th1heg00bk5yhpcza79ct";
const body = '{"type":"task.succeeded","data":{"text":"grüß dich"}}';

describe.each([
  ["Web Crypto", webCrypto],
  ["node:crypto", nodeCrypto],
] as const)("with %s", (_name, provider) => {
  const sign = createSign(provider);

  test("the libraries standardwebhooks and svix verify what is signed, under each secret of a rotation", async () => {
    const secrets = [makeSigningSecret(), makeSigningSecret()];
    const sentAt = Math.floor(Date.now() / 1_000);
    const signature = await sign(secrets, id, sentAt, body);
    const headers = { "webhook-id": id, "webhook-timestamp": String(sentAt), "webhook-signature": signature };
    for (const secret of secrets) {
      expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
      expect(() => new SvixWebhook(secret).verify(body, headers)).not.toThrow();
    }
    expect(() => new Webhook(makeSigningSecret()).verify(body, headers)).toThrow();
    expect(() => new Webhook(secrets[0] ?? "").verify(`${body} `, headers)).toThrow();
  });

  test("it signs as the reference library does", async () => {
    const secret = makeSigningSecret();
    const sentAt = new Date(1_700_000_000_000);
    expect(await sign([secret], id, 1_700_000_000, body)).toBe(new Webhook(secret).sign(id, sentAt, body));
  });

  test("a private key signs with Ed25519, beside the secrets", async () => {
    const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
    const { kty, crv, d, x } = await crypto.subtle.exportKey("jwk", pair.privateKey);
    const [v1, v1a] = (
      await sign([makeSigningSecret(), JSON.stringify({ kty, crv, d, x })], id, 1_700_000_000, body)
    ).split(" ");
    expect(v1).toMatch(/^v1,/);
    expect(v1a).toMatch(/^v1a,/);
    const signature = Buffer.from(v1a?.slice(4) ?? "", "base64");
    const check = (text: string) =>
      crypto.subtle.verify("Ed25519", pair.publicKey, signature, new TextEncoder().encode(text));
    expect(await check(`${id}.1700000000.${body}`)).toBe(true);
    expect(await check(`${id}.1700000001.${body}`)).toBe(false);
  });
});
