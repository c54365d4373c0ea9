import { sha256, utf8 } from "./keyring.ts";
import type { Keyring } from "./parts.ts";
import type { Endpoint, KeyPair, ProjectConfig } from "./project-config.ts";

/** A public key as JSON Web Key (RFC 8037, section 2). */
export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly use: "sig";
  readonly alg: "EdDSA";
  /** Its thumbprint (RFC 7638). */
  readonly kid: string;
  readonly x: string;
}

/** The configuration with a key pair, made when somebody first needs one. */
export async function withKeyPair(
  keyring: Keyring,
  config: ProjectConfig,
  signatures: Endpoint["signatures"],
): Promise<ProjectConfig> {
  if (config.ed25519 || !signatures.includes("v1a")) return config;
  return { ...config, ed25519: await makeKeyPair(keyring) };
}

/** An Ed25519 key pair, its private half (`whsk_`: seed and public key, as Standard Webhooks has it) encrypted. */
async function makeKeyPair(keyring: Keyring): Promise<KeyPair> {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair; // as the algorithm says
  const { d = "", x = "" } = (await crypto.subtle.exportKey("jwk", pair.privateKey)) as JsonWebKey; // as the format says
  const bytes = bytesOf(d) + bytesOf(x);
  return { wrapped: await keyring.wrap(`whsk_${btoa(bytes)}`), publicKey: btoa(bytesOf(x)) };
}

/** Base64url to a string of bytes. */
function bytesOf(text: string): string {
  return atob(text.replaceAll("-", "+").replaceAll("_", "/"));
}

/** The public key as Standard Webhooks libraries take it. */
export function publicKeyText({ publicKey }: KeyPair): string {
  return `whpk_${publicKey}`;
}

/** The public key as JWK. */
export async function publicJwk({ publicKey }: KeyPair): Promise<PublicJwk> {
  const x = base64url(publicKey);
  const thumbprint = await sha256(utf8(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`));
  const kid = base64url(btoa(String.fromCharCode(...thumbprint)));
  return { kty: "OKP", crv: "Ed25519", use: "sig", alg: "EdDSA", kid, x };
}

function base64url(base64: string): string {
  return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
