import type { Sign } from "../flow/ports.ts";

/**
 * Signs `{id}.{timestamp}.{body}` (Standard Webhooks 1.0.0, "Signature scheme"): `v1`, HMAC-SHA256, with each secret
 * `whsec_…`; `v1a`, Ed25519, with each private key `whsk_…`.
 */
export const sign: Sign = async (secrets, id, sentAt, body) => {
  const content = new TextEncoder().encode(`${id}.${sentAt}.${body}`);
  const signatures = await Promise.all(
    secrets.map((secret) => (secret.startsWith("whsk_") ? signature(secret, content) : mac(secret, content))),
  );
  return signatures.join(" ");
};

async function mac(secret: string, content: Uint8Array<ArrayBuffer>): Promise<string> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytesOf(secret), hmac, false, ["sign"]);
  return `v1,${base64(await crypto.subtle.sign("HMAC", key, content))}`;
}

/** A private key is its 32-byte seed, followed by the public key. */
async function signature(secret: string, content: Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = bytesOf(secret);
  const [d, x] = [bytes.subarray(0, 32), bytes.subarray(32)].map(base64url);
  const jwk = { kty: "OKP", crv: "Ed25519", d: d ?? "", x: x ?? "" };
  const key = await crypto.subtle.importKey("jwk", jwk, "Ed25519", false, ["sign"]);
  return `v1a,${base64(await crypto.subtle.sign("Ed25519", key, content))}`;
}

function bytesOf(secret: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(secret.slice(secret.indexOf("_") + 1)), (char) => char.charCodeAt(0));
}

function base64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
