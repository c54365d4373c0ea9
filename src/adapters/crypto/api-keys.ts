import type { CryptoProvider } from "../../ports/crypto-provider.ts";
import { Undecryptable } from "../../ports/errors.ts";
import type { ApiKeyClaims, ApiKeyProof, ApiKeys } from "../../ports/keyring.ts";
import { base64url, concat, fromBase64url, fromHex, hex } from "../../shared/bytes.ts";
import type { Bytes } from "../../shared/hashes.ts";
import { idBytes, idOf } from "../../shared/id.ts";
import { type Find, type Generation, MASTER_ID, PROJECT } from "./generation.ts";

const KEY_PREFIX = "rb_";
const KEY = 16;
const SECRET = 24;
const MAC = 8;
/** Length of the text that the MAC of an API key covers. */
const SIGNED = MASTER_ID + PROJECT + KEY + SECRET;

/** Verified API keys that an isolate keeps. */
const KEPT = 1_000;

export async function issueApiKey(
  current: Promise<Generation>,
  project: string,
  key: Uint8Array,
  secret: Uint8Array,
): Promise<string> {
  const generation = await current;
  const signed = concat(fromHex(generation.id), idBytes(project), key, secret);
  const mac = await generation.apiKeys(signed);
  return KEY_PREFIX + base64url(concat(signed, mac.subarray(0, MAC)));
}

/**
 * Verifies API keys. The claims of a key follow from its text and the master secret alone, so those of a configured
 * generation are verified once and then kept, the newest 1,000: a rotation makes another keyring, with nothing in it.
 * Redis decides about each request: a key that is kept may have been revoked.
 */
export function createApiKeyCheck(provider: CryptoProvider, find: Find): ApiKeys["verifyApiKey"] {
  const kept = new Map<string, ApiKeyClaims>();
  return async (text, retired) => {
    const known = kept.get(text);
    if (known) return known;
    const bytes = text.startsWith(KEY_PREFIX) ? fromBase64url(text.slice(KEY_PREFIX.length)) : undefined;
    if (bytes?.length !== SIGNED + MAC) return undefined;
    const generation = hex(bytes.subarray(0, MASTER_ID));
    const configured = (await find(generation))?.apiKeys;
    const method = configured ?? (await macOf(provider, await retired(generation)));
    if (method === "refused") return undefined;
    const signed = bytes.slice(0, SIGNED);
    if (method !== "none") {
      const expected = await method(signed);
      if (!provider.equal(expected.subarray(0, MAC), bytes.subarray(SIGNED))) return undefined;
    }
    const claims = await claimsIn(provider, signed);
    if (configured) keep(kept, text, claims);
    return claims;
  };
}

/** The stored proof of the keys of a generation that is no longer configured. */
async function macOf(provider: CryptoProvider, proof: ApiKeyProof) {
  if (proof.kind !== "mac") return proof.kind;
  const bytes = fromBase64url(proof.key);
  if (!bytes) throw new Undecryptable("The stored value of a generation is not a key.");
  return await provider.mac(bytes);
}

async function claimsIn(provider: CryptoProvider, signed: Bytes): Promise<ApiKeyClaims> {
  const project = signed.subarray(MASTER_ID, MASTER_ID + PROJECT);
  const key = signed.subarray(MASTER_ID + PROJECT, MASTER_ID + PROJECT + KEY);
  const hash = await provider.sha256(signed.slice(SIGNED - SECRET));
  return { project: idOf("prj", project), key: hex(key), hash: hex(hash) };
}

function keep(kept: Map<string, ApiKeyClaims>, text: string, claims: ApiKeyClaims): void {
  kept.set(text, claims);
  const [oldest] = kept.keys();
  if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
}
