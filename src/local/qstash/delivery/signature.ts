import { createHash, createHmac, randomBytes } from "node:crypto";
import { newId } from "../message.ts";

/** The keys that deliveries are signed with; a receiver accepts both, so that they can be rotated. */
export interface SigningKeys {
  readonly current: string;
  readonly next: string;
}

/** The keys of `qstash dev`'s first user, documented in howto/local-development. */
export const DEV_SIGNING_KEYS: SigningKeys = {
  current: "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r",
  next: "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs",
};

/** How long a signature is accepted, in seconds. */
const LIFETIME = 300;

const HEADER = Buffer.from(JSON.stringify({ alg: "HS256", typ: "JWT" })).toString("base64url");

/** The next key becomes the current one, and a new next key is made. */
export function rotateKeys(keys: SigningKeys): SigningKeys {
  return { current: keys.next, next: `sig_${randomBytes(21).toString("base64url")}` };
}

/**
 * The `Upstash-Signature` of one delivery (docs: features/security).
 *
 * @param key the whole key text, `sig_` included.
 * @param url the destination as it was published.
 * @param now unix milliseconds.
 */
export function signDelivery(key: string, url: string, body: Buffer, now: number): string {
  const iat = Math.floor(now / 1_000);
  const claims = {
    iss: "Upstash",
    sub: url,
    exp: iat + LIFETIME,
    nbf: 0,
    iat,
    jti: newId("jwt"),
    body: bodyHash(body),
  };
  const signed = `${HEADER}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

/** SHA-256 in url-safe base64 with its padding, as the service sends it. */
function bodyHash(body: Buffer): string {
  const hash = createHash("sha256").update(body).digest("base64");
  return hash.replaceAll("+", "-").replaceAll("/", "_");
}
