import { Receiver, SignatureError } from "@upstash/qstash";
import { fromBase64url } from "../../shared/bytes.ts";

export interface SignatureOptions {
  readonly currentSigningKey: string;
  readonly nextSigningKey: string;
  readonly publicUrl: string;
}

/** Clocks may differ by this much, in seconds. */
const TOLERANCE = 5;

/** What QStash signed, as far as it is checked here beyond the official Receiver. */
interface Claims {
  readonly exp?: unknown;
}

/**
 * Checks `Upstash-Signature`: a JWT over issuer, subject (our address and the path), times and the body's hash,
 * under the current or the next key. The official Receiver lets pass a token without `exp` and other algorithms
 * than HS256, so these two are refused here first.
 */
export function createVerifier(options: SignatureOptions) {
  const receiver = new Receiver({
    currentSigningKey: options.currentSigningKey,
    nextSigningKey: options.nextSigningKey,
    devMode: false,
  });
  return async (request: { signature: string | null; path: string; body: Uint8Array }): Promise<boolean> => {
    const { signature } = request;
    if (signature === null || !isPinned(signature)) return false;
    try {
      return await receiver.verify({
        signature,
        body: new TextDecoder("utf-8", { ignoreBOM: true }).decode(request.body),
        url: `${options.publicUrl}${request.path}`,
        clockTolerance: TOLERANCE,
      });
    } catch (error) {
      // A token without a body claim makes the Receiver fail with a TypeError.
      if (error instanceof SignatureError || error instanceof TypeError) return false;
      throw error;
    }
  };
}

function isPinned(token: string): boolean {
  const [header = "", payload = "", mac, ...rest] = token.split(".");
  if (!mac || rest.length > 0) return false;
  const alg = parse<{ alg?: unknown }>(header)?.alg;
  const claims = parse<Claims>(payload);
  return alg === "HS256" && typeof claims?.exp === "number";
}

function parse<T>(segment: string): T | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(fromBase64url(segment))) as T;
  } catch {
    return undefined; // not base64url or not JSON: not a token
  }
}
