import { Receiver, SignatureError } from "@upstash/qstash";
import * as z from "zod/mini";
import type { CryptoProvider } from "../../ports/crypto-provider.ts";
import type { SignatureRefusal, SignatureVerdict } from "../../ports/queue.ts";
import { base64url, fromBase64url, utf8 } from "../../shared/bytes.ts";

export interface SignatureOptions {
  readonly currentSigningKey: string;
  readonly nextSigningKey: string;
  readonly publicUrl: string;
  readonly crypto: CryptoProvider;
  /** Who judges a signature: QStash's official Receiver, or the gateway's own check. */
  readonly judge: "official" | "own";
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
  readonly claims: z.infer<typeof Claims>;
  /** The signed text, and the signature. */
  readonly signed: Uint8Array<ArrayBuffer>;
  readonly mac: Uint8Array<ArrayBuffer>;
}

/**
 * Checks `Upstash-Signature`: a JWT over issuer, subject (our address and the path), times and the body's hash,
 * under the current or the next key. The official Receiver lets pass a token without `exp` and other algorithms
 * than HS256, so these two are refused here first. Only a call that was refused is looked at again for the reason.
 *
 * On Deno the check that names the reason judges alone: the Receiver knows Web Crypto only, and there each of its calls
 * changes threads.
 */
export function createVerifier(options: SignatureOptions) {
  const { currentSigningKey, nextSigningKey, publicUrl, crypto, judge } = options;
  const keys = [currentSigningKey, nextSigningKey];
  const receiver = new Receiver({ currentSigningKey, nextSigningKey, devMode: false });
  return async ({ signature, path, body }: Call): Promise<SignatureVerdict> => {
    if (signature === null) return { valid: false, reason: "no-signature" };
    const token = parseToken(signature);
    if (!token) return { valid: false, reason: "malformed-signature" };
    const url = `${publicUrl}${path}`;
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(body);
    if (judge === "own") return (await refusalOf(token, url, text, keys, crypto)) ?? { valid: true };
    try {
      await receiver.verify({ signature, body: text, url, clockTolerance: TOLERANCE });
      return { valid: true };
    } catch (error) {
      // A token without a body claim makes the Receiver fail with a TypeError.
      if (!(error instanceof SignatureError || error instanceof TypeError)) throw error;
      const refusal = await refusalOf(token, url, text, keys, crypto);
      return refusal ?? { valid: false, reason: "malformed-signature" };
    }
  };
}

/**
 * The first check that the token does not pass; undefined when it passes all. Its claims are believed only once a key
 * of ours has signed them.
 */
async function refusalOf(
  { claims, signed, mac }: Token,
  url: string,
  body: string,
  keys: readonly string[],
  provider: CryptoProvider,
): Promise<SignatureRefusal | undefined> {
  if (!(await isSignedWith(keys, signed, mac, provider))) return { valid: false, reason: "wrong-key" };
  const { iss, sub, exp, nbf } = claims;
  if (iss !== ISSUER) return { valid: false, reason: "wrong-issuer" };
  const now = Math.floor(Date.now() / 1_000);
  if (exp <= now - TOLERANCE) return { valid: false, reason: "expired", seconds: now - exp };
  if (nbf !== undefined && nbf > now + TOLERANCE) {
    return { valid: false, reason: "not-yet-valid", seconds: nbf - now };
  }
  if (sub !== url) {
    return { valid: false, reason: "wrong-subject", expected: url, given: String(sub).slice(0, 2_000) };
  }
  const hash = base64url(await provider.sha256(utf8(body)));
  const isOfBody = claims.body === hash || claims.body === `${hash}=`; // with the padding of 32 bytes, or without
  return isOfBody ? undefined : { valid: false, reason: "wrong-body" };
}

async function isSignedWith(
  keys: readonly string[],
  signed: Uint8Array<ArrayBuffer>,
  mac: Uint8Array<ArrayBuffer>,
  provider: CryptoProvider,
): Promise<boolean> {
  for (const key of keys) {
    const macOf = await provider.mac(utf8(key));
    if (provider.equal(mac, await macOf(signed))) return true;
  }
  return false;
}

/** A JWT with an expiry, signed by HS256 and without extensions that must be understood (RFC 7515, section 4.1.11). */
const Header = z.object({ alg: z.literal("HS256"), crit: z.optional(z.undefined()) });
const Claims = z.object({
  iss: z.optional(z.unknown()),
  sub: z.optional(z.unknown()),
  body: z.optional(z.unknown()),
  exp: z.number(),
  iat: z.optional(z.number()),
  nbf: z.optional(z.number()),
});
function parseToken(text: string): Token | undefined {
  const [header = "", payload = "", signature = "", ...rest] = text.split(".");
  const mac = fromBase64url(signature);
  const claims = Claims.safeParse(parse(payload));
  if (rest.length > 0 || !mac || !claims.success || !Header.safeParse(parse(header)).success)
    return undefined;
  return { claims: claims.data, signed: utf8(`${header}.${payload}`), mac };
}

function parse(segment: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(fromBase64url(segment)));
  } catch {
    return undefined; // not base64url or not JSON: not a token
  }
}
