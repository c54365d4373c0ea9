import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  sign,
  timingSafeEqual,
} from "node:crypto";
import type { Aead, CryptoProvider, Mac } from "../../ports/crypto-provider.ts";
import { concat, utf8 } from "../../shared/bytes.ts";
import type { Bytes } from "../../shared/hashes.ts";
import { NONCE, TAG } from "./sealed-form.ts";

const NO_SALT = new Uint8Array();
const CIPHER = "aes-256-gcm";
const KEY_LENGTH = 32;

/**
 * The provider of Deno: synchronous, on the thread that asks. Only the entry point of Deno loads this file, because
 * Workers need a compatibility flag for `node:crypto`.
 */
export const nodeCrypto: CryptoProvider = {
  sha256: (bytes) => own(createHash("sha256").update(bytes).digest()),
  sha1: (bytes) => own(createHash("sha1").update(bytes).digest()),
  equal: (one, other) => one.length === other.length && timingSafeEqual(one, other),
  mac: (key) => macOf(createSecretKey(key)),
  signer(jwk) {
    const key = createPrivateKey({ key: { ...jwk }, format: "jwk" });
    return (text) => own(sign(undefined, text, key));
  },
  derivation(secret) {
    const bits = (info: string, length: number) =>
      new Uint8Array(hkdfSync("sha256", secret, NO_SALT, utf8(info), length));
    return {
      bits,
      mac: (info) => macOf(createSecretKey(bits(info, KEY_LENGTH))),
      aead: (info) => aeadOf(createSecretKey(bits(info, KEY_LENGTH))),
    };
  },
};

function macOf(key: KeyObject): Mac {
  return (text) => own(createHmac("sha256", key).update(text).digest());
}

function aeadOf(key: KeyObject): Aead {
  return {
    seal(text, bound) {
      const nonce = crypto.getRandomValues(new Uint8Array(NONCE));
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG }).setAAD(bound);
      return concat(nonce, cipher.update(text), cipher.final(), cipher.getAuthTag());
    },
    open(sealed, bound) {
      if (sealed.length < NONCE + TAG) return undefined;
      const tag = sealed.length - TAG;
      const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE), { authTagLength: TAG });
      decipher.setAAD(bound).setAuthTag(sealed.subarray(tag));
      const text = own(decipher.update(sealed.subarray(NONCE, tag)));
      try {
        decipher.final();
      } catch {
        return undefined; // the tag does not fit: nothing else can fail here
      }
      return text;
    },
  };
}

/** A copy, because a Buffer may be a window into memory that others share. */
function own(buffer: Uint8Array): Bytes {
  return new Uint8Array(buffer);
}
