import type { Bytes, Eventually, Hashes } from "../shared/hashes.ts";

/** HMAC-SHA256 of a text under one key. */
export type Mac = (text: Bytes) => Eventually<Bytes>;

/** The Ed25519 signature of a text under one private key. */
export type Signer = (text: Bytes) => Eventually<Bytes>;

/** AES-256-GCM under one key, with a random nonce in front of each ciphertext. */
export interface Aead {
  /** @param bound is not encrypted, but must be the same for the text to open again; may be empty */
  seal(text: Bytes, bound: Bytes): Eventually<Bytes>;
  /** The text; undefined when this key has not sealed it for that `bound`. */
  open(sealed: Bytes, bound: Bytes): Eventually<Bytes | undefined>;
}

/** Keys derived from one secret by HKDF-SHA256 without a salt; `info` names the key. */
export interface Derivation {
  bits(info: string, length: number): Eventually<Bytes>;
  mac(info: string): Eventually<Mac>;
  aead(info: string): Eventually<Aead>;
}

/**
 * The cryptography that the gateway uses. One implementation is over Web Crypto, which every runtime has. The other is
 * over `node:crypto`, for Deno: there each call of Web Crypto is a hop to another thread and back.
 */
export interface CryptoProvider extends Hashes {
  mac(key: Bytes): Eventually<Mac>;
  /** @param key an Ed25519 private key (RFC 8037, section 2) */
  signer(key: JsonWebKey): Eventually<Signer>;
  derivation(secret: Bytes): Eventually<Derivation>;
}
