import { base64url, hex, utf8 } from "../../shared/bytes.ts";

/** Lengths in bytes of the prefixes of keys and tokens. */
export const MASTER_ID = 4;
export const PROJECT = 16;

/** One generation of the master secret and the keys derived from it (HKDF, RFC 5869). */
export interface Generation {
  /** The first four bytes of the secret's derived fingerprint, in hex. */
  readonly id: string;
  readonly apiKeys: CryptoKey;
  /** The key that MACs API keys, as base64url. */
  readonly exportApiKeys: () => Promise<string>;
  readonly readTokens: CryptoKey;
  readonly eventsTokens: CryptoKey;
  readonly browserTokens: CryptoKey;
  readonly taskTokens: CryptoKey;
  readonly probes: CryptoKey;
  readonly sessions: CryptoKey;
  readonly wrapping: CryptoKey;
}

export type Find = (id: string) => Promise<Generation | undefined>;

export async function derive(master: string): Promise<Generation> {
  const source = await crypto.subtle.importKey("raw", utf8(master), "HKDF", false, [
    "deriveBits",
    "deriveKey",
  ]);
  const hkdf = (info: string) => ({
    name: "HKDF",
    hash: "SHA-256",
    salt: new Uint8Array(),
    info: utf8(`ringback/${info}`),
  });
  const mac = (info: string) =>
    crypto.subtle.deriveKey(hkdf(info), source, { name: "HMAC", hash: "SHA-256", length: 256 }, false, [
      "sign",
      "verify",
    ]);
  const cipher = (info: string) =>
    crypto.subtle.deriveKey(hkdf(info), source, { name: "AES-GCM", length: 256 }, false, [
      "encrypt",
      "decrypt",
    ]);
  const [id, apiKeys, readTokens, eventsTokens, browserTokens, taskTokens, probes, sessions, wrapping] =
    await Promise.all([
      crypto.subtle.deriveBits(hkdf("generation"), source, MASTER_ID * 8),
      mac("api-key"),
      mac("read-token"),
      mac("events-token"),
      mac("browser-token"),
      mac("task-token"),
      mac("probe"),
      cipher("session"),
      cipher("wrapping"),
    ]);
  const exportApiKeys = async () =>
    base64url(new Uint8Array(await crypto.subtle.deriveBits(hkdf("api-key"), source, 256)));
  return {
    id: hex(new Uint8Array(id)),
    apiKeys,
    exportApiKeys,
    readTokens,
    eventsTokens,
    browserTokens,
    taskTokens,
    probes,
    sessions,
    wrapping,
  };
}
