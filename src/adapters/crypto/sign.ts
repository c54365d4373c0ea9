import type { CryptoProvider } from "../../ports/crypto-provider.ts";
import type { Sign } from "../../ports/keyring.ts";
import { base64, fromBase64, utf8 } from "../../shared/bytes.ts";
import type { Bytes } from "../../shared/hashes.ts";

/**
 * Signs `{id}.{timestamp}.{body}` (Standard Webhooks 1.0.0, "Signature scheme"): `v1`, HMAC-SHA256, with each secret
 * `whsec_…`; `v1a`, Ed25519, with each private key, which is a JWK's JSON (RFC 8037, section 2).
 */
export function createSign(provider: CryptoProvider): Sign {
  const signed = async (secret: string, content: Bytes): Promise<string> => {
    if (secret.startsWith("{")) {
      const signer = await provider.signer(JSON.parse(secret) as JsonWebKey); // as `withKeyPair` wrote it
      return `v1a,${base64(await signer(content))}`;
    }
    const mac = await provider.mac(bytesOf(secret));
    return `v1,${base64(await mac(content))}`;
  };
  return async (secrets, id, sentAt, body) => {
    const content = utf8(`${id}.${sentAt}.${body}`);
    return (await Promise.all(secrets.map((secret) => signed(secret, content)))).join(" ");
  };
}

function bytesOf(secret: string): Bytes {
  const bytes = fromBase64(secret.slice(secret.indexOf("_") + 1));
  if (!bytes) throw new TypeError("The signing secret is not whsec_ and base64.");
  return bytes;
}
