import type { Sign } from "../flow/ports.ts";

/**
 * Signs `{id}.{timestamp}.{body}` (Standard Webhooks 1.0.0, "Signature scheme"): `v1`, HMAC-SHA256, with each secret
 * `whsec_…`; `v1a`, Ed25519, with each private key, which is a JWK's JSON.
 */
export const sign: Sign = async (secrets, id, sentAt, body) => {
  const content = new TextEncoder().encode(`${id}.${sentAt}.${body}`);
  const signatures = await Promise.all(
    secrets.map((secret) => (secret.startsWith("{") ? signature(secret, content) : mac(secret, content))),
  );
  return signatures.join(" ");
};

async function mac(secret: string, content: Uint8Array<ArrayBuffer>): Promise<string> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytesOf(secret), hmac, false, ["sign"]);
  return `v1,${base64(await crypto.subtle.sign("HMAC", key, content))}`;
}

/** A private key is a JWK (RFC 8037, section 2). */
async function signature(secret: string, content: Uint8Array<ArrayBuffer>): Promise<string> {
  const jwk: JsonWebKey = JSON.parse(secret);
  const key = await crypto.subtle.importKey("jwk", jwk, "Ed25519", false, ["sign"]);
  return `v1a,${base64(await crypto.subtle.sign("Ed25519", key, content))}`;
}

function bytesOf(secret: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(secret.slice(secret.indexOf("_") + 1)), (char) => char.charCodeAt(0));
}

function base64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}
