import type { Sign } from "../../ports/keyring.ts";
import { base64, fromBase64, utf8 } from "../../shared/bytes.ts";

/**
 * Signs `{id}.{timestamp}.{body}` (Standard Webhooks 1.0.0, "Signature scheme"): `v1`, HMAC-SHA256, with each secret
 * `whsec_…`; `v1a`, Ed25519, with each private key, which is a JWK's JSON.
 */
export const sign: Sign = async (secrets, id, sentAt, body) => {
  const content = utf8(`${id}.${sentAt}.${body}`);
  const signatures = await Promise.all(
    secrets.map((secret) => (secret.startsWith("{") ? signature(secret, content) : mac(secret, content))),
  );
  return signatures.join(" ");
};

async function mac(secret: string, content: Uint8Array<ArrayBuffer>): Promise<string> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytesOf(secret), hmac, false, ["sign"]);
  return `v1,${base64(new Uint8Array(await crypto.subtle.sign("HMAC", key, content)))}`;
}

/** A private key is a JWK (RFC 8037, section 2). */
async function signature(secret: string, content: Uint8Array<ArrayBuffer>): Promise<string> {
  const jwk: JsonWebKey = JSON.parse(secret);
  const key = await crypto.subtle.importKey("jwk", jwk, "Ed25519", false, ["sign"]);
  return `v1a,${base64(new Uint8Array(await crypto.subtle.sign("Ed25519", key, content)))}`;
}

function bytesOf(secret: string): Uint8Array<ArrayBuffer> {
  const bytes = fromBase64(secret.slice(secret.indexOf("_") + 1));
  if (!bytes) throw new TypeError("The signing secret is not whsec_ and base64.");
  return bytes;
}
