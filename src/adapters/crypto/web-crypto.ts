import type { Aead, CryptoProvider, Mac } from "../../ports/crypto-provider.ts";
import { concat, utf8 } from "../../shared/bytes.ts";
import type { Bytes } from "../../shared/hashes.ts";
import { NONCE, TAG } from "./sealed-form.ts";

const HMAC = { name: "HMAC", hash: "SHA-256", length: 256 } as const;

/** The provider of every runtime. Keys that it derives cannot be exported. */
export const webCrypto: CryptoProvider = {
  sha256: (bytes) => digest("SHA-256", bytes),
  sha1: (bytes) => digest("SHA-1", bytes),
  equal(one, other) {
    if (one.length !== other.length) return false;
    let difference = 0;
    for (let i = 0; i < one.length; i++) difference |= (one[i] ?? 0) ^ (other[i] ?? 0);
    return difference === 0;
  },
  async mac(key) {
    // HMAC pads a key with zeros (RFC 2104, section 2). Web Crypto alone refuses one without a byte.
    const bytes = key.length === 0 ? new Uint8Array(1) : key;
    const { name, hash } = HMAC;
    return macOf(await crypto.subtle.importKey("raw", bytes, { name, hash }, false, ["sign"]));
  },
  async signer(jwk) {
    const key = await crypto.subtle.importKey("jwk", jwk, "Ed25519", false, ["sign"]);
    return async (text) => new Uint8Array(await crypto.subtle.sign("Ed25519", key, text));
  },
  async derivation(secret) {
    const source = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits", "deriveKey"]);
    const hkdf = (info: string) => ({
      name: "HKDF",
      hash: "SHA-256",
      salt: new Uint8Array(),
      info: utf8(info),
    });
    return {
      bits: async (info, length) =>
        new Uint8Array(await crypto.subtle.deriveBits(hkdf(info), source, length * 8)),
      mac: async (info) => macOf(await crypto.subtle.deriveKey(hkdf(info), source, HMAC, false, ["sign"])),
      aead: async (info) => {
        const algorithm = { name: "AES-GCM", length: 256 };
        return aeadOf(
          await crypto.subtle.deriveKey(hkdf(info), source, algorithm, false, ["encrypt", "decrypt"]),
        );
      },
    };
  },
};

async function digest(algorithm: "SHA-1" | "SHA-256", bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest(algorithm, bytes));
}

function macOf(key: CryptoKey): Mac {
  return async (text) => new Uint8Array(await crypto.subtle.sign("HMAC", key, text));
}

function aeadOf(key: CryptoKey): Aead {
  const algorithm = (iv: Bytes, additionalData: Bytes) => ({ name: "AES-GCM", iv, additionalData });
  return {
    async seal(text, bound) {
      const nonce = crypto.getRandomValues(new Uint8Array(NONCE));
      return concat(nonce, new Uint8Array(await crypto.subtle.encrypt(algorithm(nonce, bound), key, text)));
    },
    async open(sealed, bound) {
      if (sealed.length < NONCE + TAG) return undefined;
      const ciphertext = sealed.subarray(NONCE);
      try {
        const nonce = sealed.slice(0, NONCE);
        return new Uint8Array(await crypto.subtle.decrypt(algorithm(nonce, bound), key, ciphertext));
      } catch (error) {
        // Forged or damaged: the Web Cryptography API, section 27.4.2.
        if (error instanceof DOMException && error.name === "OperationError") return undefined;
        throw error;
      }
    },
  };
}
