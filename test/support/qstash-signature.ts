import { createHash, randomUUID } from "node:crypto";
import { SignJWT } from "jose";

/** The parts that a forger may change of the signature that QStash sends with each call. */
export interface Claims {
  readonly key: string;
  readonly subject: string;
  readonly body: string | Uint8Array;
  readonly issuer?: string;
  /** Seconds from now, 300 as QStash has it; null leaves it out. */
  readonly expiresIn?: number | null;
  /** Seconds from now; from the beginning of time, as QStash has it, unless given. */
  readonly startsIn?: number;
  readonly algorithm?: "HS256" | "HS384" | "HS512";
}

/** An `Upstash-Signature` as QStash makes it (https://upstash.com/docs/qstash/features/security). */
export function sign(claims: Claims): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const hash = createHash("sha256").update(claims.body).digest("base64");
  const jwt = new SignJWT({ body: hash.replaceAll("+", "-").replaceAll("/", "_") })
    .setProtectedHeader({ alg: claims.algorithm ?? "HS256", typ: "JWT" })
    .setIssuer(claims.issuer ?? "Upstash")
    .setSubject(claims.subject)
    .setIssuedAt(now)
    .setNotBefore(claims.startsIn === undefined ? 0 : now + claims.startsIn)
    .setJti(`jwt_${randomUUID()}`);
  if (claims.expiresIn !== null) jwt.setExpirationTime(now + (claims.expiresIn ?? 300));
  return jwt.sign(new TextEncoder().encode(claims.key));
}
