import type { Aead, CryptoProvider, Mac } from "../../ports/crypto-provider.ts";
import { base64url, hex, utf8 } from "../../shared/bytes.ts";

/** Lengths in bytes of the prefixes of keys and tokens. */
export const MASTER_ID = 4;
export const PROJECT = 16;

/** One generation of the master secret and the keys derived from it (HKDF, RFC 5869). */
export interface Generation {
  /** The first four bytes of the secret's derived fingerprint, in hex. */
  readonly id: string;
  readonly apiKeys: Mac;
  /** The key that MACs API keys, as base64url. */
  readonly exportApiKeys: () => Promise<string>;
  readonly readTokens: Mac;
  readonly eventsTokens: Mac;
  readonly browserTokens: Mac;
  readonly taskTokens: Mac;
  readonly probes: Mac;
  readonly sessions: Aead;
  readonly wrapping: Aead;
}

export type Find = (id: string) => Promise<Generation | undefined>;

/** Derives all keys once: they are as long in memory as the generation. */
export async function derive(provider: CryptoProvider, master: string): Promise<Generation> {
  const keys = await provider.derivation(utf8(master));
  const mac = (info: string) => keys.mac(`ringback/${info}`);
  const aead = (info: string) => keys.aead(`ringback/${info}`);
  const [id, apiKeys, readTokens, eventsTokens, browserTokens, taskTokens, probes, sessions, wrapping] =
    await Promise.all([
      keys.bits("ringback/generation", MASTER_ID),
      mac("api-key"),
      mac("read-token"),
      mac("events-token"),
      mac("browser-token"),
      mac("task-token"),
      mac("probe"),
      aead("session"),
      aead("wrapping"),
    ]);
  return {
    id: hex(id),
    apiKeys,
    exportApiKeys: async () => base64url(await keys.bits("ringback/api-key", 32)),
    readTokens,
    eventsTokens,
    browserTokens,
    taskTokens,
    probes,
    sessions,
    wrapping,
  };
}
