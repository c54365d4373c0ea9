import type { Cipher } from "../ports/keyring.ts";
import type { Endpoint, KeyPair, ProjectConfig } from "../projects/project-config.ts";
import { base64url, utf8 } from "../shared/bytes.ts";
import type { Hashes } from "../shared/hashes.ts";
import type { PublicJwk } from "./schema.ts";

/** The configuration with a key pair, made when it is first needed. */
export async function withKeyPair(
  keyring: Cipher,
  project: string,
  config: ProjectConfig,
  signatures: Endpoint["signatures"],
): Promise<ProjectConfig> {
  if (config.ed25519 || !signatures.includes("v1a")) return config;
  return { ...config, ed25519: await makeKeyPair(keyring, project) };
}

/** An Ed25519 key pair, its private half (a JWK's JSON) encrypted. */
async function makeKeyPair(keyring: Cipher, project: string): Promise<KeyPair> {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair; // as the algorithm says
  const { kty, crv, d, x = "" } = (await crypto.subtle.exportKey("jwk", pair.privateKey)) as JsonWebKey; // as the format says
  const text = JSON.stringify({ kty, crv, d, x });
  return { wrapped: await keyring.encrypt(text, { purpose: "key-pair", project }), x };
}

/** The public key as Standard Webhooks libraries take it. */
export function publicKeyText({ x }: KeyPair): string {
  return `whpk_${x.replaceAll("-", "+").replaceAll("_", "/")}=`; // 32 bytes: one character of padding
}

/** The public key as JWK. */
export async function publicJwk({ sha256 }: Hashes, { x }: KeyPair): Promise<PublicJwk> {
  const thumbprint = await sha256(utf8(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`));
  return { kty: "OKP", crv: "Ed25519", use: "sig", alg: "EdDSA", kid: base64url(thumbprint), x };
}
