import { CallbackError } from "./error.ts";
import { decodeBase64, type Message } from "./message.ts";

/** A JSON Web Key Set (RFC 7517), in which only the Ed25519 keys are used (RFC 8037). */
export interface Jwks {
  readonly keys: readonly { readonly kty?: string; readonly crv?: string; readonly x?: string }[];
}

/** `whpk_…`, the address of a JWKS (`https://…/jwks/{project}.json`), or a JWKS. */
export type PublicKey = string | URL | Jwks;

/** Milliseconds that a JWKS is kept, and after which an unknown key makes it be read again. */
const KEEP = 300_000;
const REFRESH = 30_000;

const READ_TIMEOUT = 5_000;

/** Addresses of JWKS that are kept at a time. */
const MOST_SETS = 100;

interface Kept {
  readonly keys: readonly CryptoKey[];
  /** Milliseconds since the epoch. */
  readonly readAt: number;
}

/** Values alone, never a promise: on Workers one request must not wait for the I/O of another. */
const kept = new Map<string, Kept>();

/** The HMAC key of a secret. @throws CallbackError `invalid-secret` */
export async function hmacKey(secret: string): Promise<CryptoKey> {
  const text = secret.trim();
  if (text.startsWith("v1,")) {
    throw invalid("The secret has a signature's prefix: give what follows `v1,`, from `whsec_` on.");
  }
  if (/^wh[sp]k_/.test(text)) {
    throw invalid("This is an Ed25519 key, not a secret: public keys (`whpk_…`) go into `publicKeys`.");
  }
  const bytes = decodeBase64(text.replace(/^whsec_/, ""));
  if (!bytes)
    throw invalid("The secret must be `whsec_` and standard base64, as GET /v1/signing-secret gives it.");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

/**
 * Whether one of the `v1a` signatures is by one of the keys. A set that is read from an address is kept for five
 * minutes, and read again when none of its keys fits: they may just have been rotated.
 *
 * @throws CallbackError `invalid-secret`, `keys-unavailable`
 */
export async function isSignedBy(
  keys: readonly PublicKey[],
  message: Message,
  now: number,
): Promise<boolean> {
  const signatures = message.signatures.filter(({ version }) => version === "v1a");
  if (signatures.length === 0) return false;
  const fits = async (known: readonly CryptoKey[]): Promise<boolean> => {
    const checks = known.flatMap((key) =>
      signatures.map(({ bytes }) => crypto.subtle.verify("Ed25519", key, bytes, message.content)),
    );
    return (await Promise.all(checks)).includes(true);
  };
  for (const key of keys) {
    const address = addressOf(key);
    if (address === undefined) {
      if (await fits(await localKeys(key as string | Jwks))) return true; // all but an address
      continue;
    }
    const before = kept.get(address);
    if (before && now - before.readAt < KEEP && (await fits(before.keys))) return true;
    if (before && now - before.readAt < REFRESH) continue;
    const read = await readKeys(address);
    keep(address, { keys: read, readAt: now });
    if (await fits(read)) return true;
  }
  return false;
}

function addressOf(key: PublicKey): string | undefined {
  if (key instanceof URL) return key.href;
  return typeof key === "string" && /^https?:/.test(key.trim()) ? key.trim() : undefined;
}

async function localKeys(key: string | Jwks): Promise<readonly CryptoKey[]> {
  if (typeof key !== "string") return importSet(key);
  const bytes = key.trim().startsWith("whpk_") ? decodeBase64(key.trim().slice(5)) : undefined;
  if (bytes?.byteLength !== 32) throw invalid("A public key must be `whpk_` and the base64 of its 32 bytes.");
  return [await importKey(bytes)];
}

/** @throws CallbackError `keys-unavailable` */
async function readKeys(address: string): Promise<readonly CryptoKey[]> {
  const read = async () => {
    const response = await fetch(address, { signal: AbortSignal.timeout(READ_TIMEOUT) });
    if (!response.ok) throw new TypeError(`${address} answered ${response.status}.`);
    return await importSet((await response.json()) as Jwks); // its parts are checked one by one
  };
  return read().catch((cause: unknown) => {
    throw new CallbackError("keys-unavailable", "The public keys could not be read.", { cause });
  });
}

async function importSet(set: Jwks): Promise<readonly CryptoKey[]> {
  if (!Array.isArray(set?.keys)) throw invalid("The set of public keys is not a JWKS.");
  const bytes = (set as Jwks).keys.flatMap(({ kty, crv, x }) => {
    if (kty !== "OKP" || crv !== "Ed25519" || typeof x !== "string") return [];
    return decodeBase64(x.replaceAll("-", "+").replaceAll("_", "/")) ?? [];
  });
  return Promise.all(bytes.filter((key) => key.byteLength === 32).map(importKey));
}

function importKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, "Ed25519", false, ["verify"]);
}

function keep(address: string, set: Kept): void {
  kept.delete(address);
  const [oldest] = kept.size >= MOST_SETS ? kept.keys() : [];
  if (oldest !== undefined) kept.delete(oldest);
  kept.set(address, set);
}

function invalid(message: string): CallbackError {
  return new CallbackError("invalid-secret", message);
}
