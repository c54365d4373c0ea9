import type { TaskToken } from "../projects/principal.ts";
import type { Session } from "../projects/session.ts";

/** The purpose of an encrypted text: it can be decrypted for no other. */
export type Purpose = "signing-secret" | "header" | "key-pair" | "api-key" | "payload" | "generation";

/**
 * The proof of an API key of a generation that is no longer configured: its MAC; nothing but the hash in Redis; or
 * nothing at all, because there never was such a generation.
 */
export type ApiKeyProof =
  | { readonly kind: "mac"; readonly key: string }
  | { readonly kind: "none" }
  | { readonly kind: "refused" };

/** The associated data that an encrypted text is bound to. */
export interface Binding {
  readonly purpose: Purpose;
  readonly project: string;
}

/** Encrypts texts under the master secret. */
export interface Cipher {
  /** Encrypts a text for one purpose in one project; it names the master secret's generation. */
  encrypt(secret: string, binding: Binding): Promise<string>;
  /**
   * Decrypts a text of that purpose and project; also texts from before they were bound to them.
   * @throws Undecryptable when no configured master secret decrypts it
   */
  decrypt(wrapped: string, binding: Binding): Promise<string>;
}

/** The generations of the master secret, while it rotates. */
export interface MasterSecrets {
  /** The configured generations, and as text the key that MACs their API keys. */
  generations(): Promise<readonly { readonly id: string; readonly apiKeys: string }[]>;
  /** The master secret that encrypted it: the current one, the previous one, or none that is configured. */
  generationOf(wrapped: string): Promise<"current" | "previous" | "lost">;
  /** Whether there is a previous master secret. */
  readonly rotating: boolean;
  /** The previous master secret's generation, while there is one. */
  previousGeneration(): Promise<string | undefined>;
}

/** The claims of an API key: its project, its id and the SHA-256 of its secret, both in hex. */
export interface ApiKeyClaims {
  readonly project: string;
  readonly key: string;
  readonly hash: string;
}

/** Issues and verifies API keys. */
export interface ApiKeys {
  /** The API key's text for a project and key id; `secret` are 24 random bytes. */
  issueApiKey(project: string, key: Uint8Array, secret: Uint8Array): Promise<string>;
  /** The claims of an API key, or undefined when it is not one of ours. */
  verifyApiKey(
    text: string,
    retired: (generation: string) => Promise<ApiKeyProof>,
  ): Promise<ApiKeyClaims | undefined>;
}

/** Issues and verifies tokens that open one task for reading. */
export interface SignedLinks {
  /** A token that lets its bearer read one task's result until it expires (milliseconds). */
  issueReadToken(project: string, task: string, expiresAt: number): Promise<string>;
  verifyReadToken(text: string, task: string, now: number): Promise<string | undefined>;
  /** A token that lets its bearer read one task's live timeline until it expires (milliseconds). */
  issueEventsToken(project: string, task: string, expiresAt: number): Promise<string>;
  verifyEventsToken(text: string, task: string, now: number): Promise<string | undefined>;
  /** A token that lets its bearer read one task, its operation, result and timeline until it expires (milliseconds). */
  issueBrowserToken(project: string, task: string, expiresAt: number): Promise<string>;
  verifyBrowserToken(text: string, task: string, now: number): Promise<string | undefined>;
}

/** Issues and verifies task tokens. */
export interface TaskTokens {
  /** A task token: at most 200 characters of `[A-Za-z0-9_-]`, the same for the same attempt. */
  issueTaskToken(token: TaskToken): Promise<string>;
  /** The claims of a task token, expired or not (Redis knows the time), or undefined when it is not one of ours. */
  verifyTaskToken(text: string): Promise<TaskToken | undefined>;
}

/** Issues and verifies the nonces of the doctor's probes. */
export interface Probes {
  /** A nonce of a probe that the doctor sends through the queue. */
  issueProbe(): Promise<string>;
  /** Whether a text is such a nonce of ours. */
  isProbe(text: string): Promise<boolean>;
}

/** Seals and opens sessions of the console. */
export interface Sessions {
  /** A text that only this gateway can read or make, of `[A-Za-z0-9_-]`. */
  sealSession(session: Session): Promise<string>;
  /** The session in such a text, expired or not, or undefined when it is not one of ours. */
  openSession(text: string): Promise<Session | undefined>;
}

/** Signs, encrypts and checks with keys derived from the master secret. */
export interface Keyring extends Cipher, MasterSecrets, ApiKeys, SignedLinks, TaskTokens, Probes, Sessions {}

/**
 * The `webhook-signature` of one attempt, space-separated: a `v1` signature per secret, a `v1a` per private key.
 *
 * @param secrets `whsec_…`, newest first; Ed25519 keys as a JWK's JSON
 * @param sentAt seconds since the epoch, as `webhook-timestamp` has them
 */
export type Sign = (secrets: readonly string[], id: string, sentAt: number, body: string) => Promise<string>;
