import { importJWK, type JWK } from "jose";
import * as z from "zod";
import type { Client } from "./client.ts";
import type { Received } from "./receiver.ts";

export const secrets = z.object({
  secret: z.string().startsWith("whsec_"),
  previous: z.array(z.object({ secret: z.string().startsWith("whsec_"), expiresAt: z.string() })),
  signatures: z.array(z.string()),
  publicKey: z.string().startsWith("whpk_").optional(),
  jwks: z.url().optional(),
});
export type Secrets = z.infer<typeof secrets>;

/** The signatures of one version in a callback's header, without the version. */
export function signaturesOf(callback: Received | undefined, version: "v1" | "v1a"): string[] {
  const list = callback?.headers["webhook-signature"]?.split(" ") ?? [];
  return list.filter((one) => one.startsWith(`${version},`)).map((one) => one.slice(version.length + 1));
}

/** The public keys of a project, read as a receiver without any credentials reads them. */
export async function publicKeys(client: Client, jwks: string): Promise<JWK[]> {
  const response = await fetch(new URL(new URL(jwks).pathname, client.url));
  if (response.status !== 200) throw new Error(`${jwks}: ${response.status}`);
  return z.object({ keys: z.array(z.looseObject({ kty: z.string() })) }).parse(await response.json())
    .keys as JWK[]; // jose checks it when it imports it
}

/** Whether the callback's only `v1a` signature is by that key, checked by jose's import and the runtime's Ed25519. */
export async function signedBy(callback: Received | undefined, jwk: JWK | undefined): Promise<boolean> {
  const [signature, ...more] = signaturesOf(callback, "v1a");
  if (!callback || !jwk || signature === undefined || more.length > 0) return false;
  const key = await importJWK(jwk, "EdDSA");
  if (key instanceof Uint8Array) throw new Error("not an asymmetric key");
  const { "webhook-id": id, "webhook-timestamp": at } = callback.headers;
  const content = new TextEncoder().encode(`${id}.${at}.${callback.body}`);
  return crypto.subtle.verify("Ed25519", key, Buffer.from(signature, "base64"), content);
}
