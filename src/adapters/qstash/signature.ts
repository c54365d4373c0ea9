import { Receiver, SignatureError } from "@upstash/qstash";
import type { SignatureVerdict } from "../../ports/queue.ts";
import { fromBase64url, utf8 } from "../../shared/bytes.ts";

export interface SignatureOptions {
  readonly currentSigningKey: string;
  readonly nextSigningKey: string;
  readonly publicUrl: string;
}

/** Clocks may differ by this much, in seconds. */
const TOLERANCE = 5;

const ISSUER = "Upstash";

interface Call {
  readonly signature: string | null;
  readonly path: string;
  readonly body: Uint8Array;
}

/** The claims of a token, before anything of it is verified. */
interface Token {
  readonly algorithm: unknown;
  readonly claims: Readonly<Record<string, unknown>>;
  /** The signed text, and the signature. */
  readonly signed: Uint8Array<ArrayBuffer>;
  readonly mac: Uint8Array<ArrayBuffer>;
}

/**
 * Checks `Upstash-Signature`: a JWT over issuer, subject (our address and the path), times and the body's hash,
 * under the current or the next key. The official Receiver lets pass a token without `exp` and other algorithms
 * than HS256, so these two are refused here first. Only a call that was refused is looked at again for the reason.
 */
export function createVerifier(options: SignatureOptions) {
  const receiver = new Receiver({
    currentSigningKey: options.currentSigningKey,
    nextSigningKey: options.nextSigningKey,
    devMode: false,
  });
  return async ({ signature, path, body }: Call): Promise<SignatureVerdict> => {
    if (signature === null) return { valid: false, reason: "no-signature" };
    const token = parseToken(signature);
    if (token?.algorithm !== "HS256" || typeof token.claims["exp"] !== "number") {
      return { valid: false, reason: "malformed-signature" };
    }
    const url = `${options.publicUrl}${path}`;
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(body);
    try {
      await receiver.verify({ signature, body: text, url, clockTolerance: TOLERANCE });
      return { valid: true };
    } catch (error) {
      // A token without a body claim makes the Receiver fail with a TypeError.
      if (!(error instanceof SignatureError || error instanceof TypeError)) throw error;
      return await reasonFor(token, url, [options.currentSigningKey, options.nextSigningKey]);
    }
  };
}

/** The first check that the token does not pass. Its claims are believed only once a key of ours has signed them. */
async function reasonFor(
  { claims, signed, mac }: Token,
  url: string,
  keys: readonly string[],
): Promise<SignatureVerdict> {
  const fits = await Promise.all(keys.map((key) => isSignedWith(key, signed, mac)));
  if (!fits.includes(true)) return { valid: false, reason: "wrong-key" };
  const { iss, sub, exp, nbf } = claims;
  if (iss !== ISSUER) return { valid: false, reason: "wrong-issuer" };
  const now = Math.floor(Date.now() / 1_000);
  if (typeof exp === "number" && exp <= now - TOLERANCE) {
    return { valid: false, reason: "expired", seconds: now - exp };
  }
  if (typeof nbf === "number" && nbf > now + TOLERANCE) {
    return { valid: false, reason: "not-yet-valid", seconds: nbf - now };
  }
  if (sub !== url) {
    return { valid: false, reason: "wrong-subject", expected: url, given: String(sub).slice(0, 2_000) };
  }
  return { valid: false, reason: "wrong-body" };
}

async function isSignedWith(
  key: string,
  signed: Uint8Array<ArrayBuffer>,
  mac: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", utf8(key), algorithm, false, ["verify"]);
  return await crypto.subtle.verify("HMAC", imported, mac, signed);
}

function parseToken(text: string): Token | undefined {
  const [header = "", payload = "", signature = "", ...rest] = text.split(".");
  const mac = fromBase64url(signature);
  const algorithm = parse(header)?.["alg"];
  const claims = parse(payload);
  if (rest.length > 0 || !mac || mac.length === 0 || !claims) return undefined;
  return { algorithm, claims, signed: utf8(`${header}.${payload}`), mac };
}

function parse(segment: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(fromBase64url(segment)));
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // not base64url or not JSON: not a token
  }
}
