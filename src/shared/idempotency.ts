import { hex, utf8 } from "./bytes.ts";
import type { Hashes } from "./hashes.ts";
import { canonicalJson } from "./json/canonical-json.ts";
import { ApiError } from "./problems.ts";

/** The arguments of a script about an Idempotency-Key: hex SHA-256 both. */
export interface Idempotency {
  /** Names the key's record: method, actual path and key. */
  readonly hash: string;
  /** Identifies the same request: the parsed body, with its fields in any order. */
  readonly fingerprint: string;
}

/** Batch items count as submits, so that one key means one task however it is sent. */
export const SUBMIT_PATH = "/v1/tasks";

/**
 * The values by which a script recognizes a repeated request. The script keeps them for 24 h in the project, and
 * only when the work was done.
 *
 * @param path the actual path, ids filled in
 * @param key as the client meant it, without quotes; undefined: none was sent
 * @param body the parsed body as it came; undefined without a body
 */
export async function idempotencyOf(
  { sha256 }: Hashes,
  method: string,
  path: string,
  key: string | undefined,
  body: unknown,
): Promise<Idempotency | undefined> {
  if (key === undefined) return undefined;
  const [hash, fingerprint] = await Promise.all([
    sha256(utf8(`${method} ${path} ${key}`)),
    sha256(utf8(body === undefined ? "" : canonicalJson(body))),
  ]);
  return { hash: hex(hash), fingerprint: hex(fingerprint) };
}

/** The refusal of a key that was used for another request. */
export function reused(made?: string): ApiError {
  const which = made === undefined ? "" : `, which made ${made}`;
  return new ApiError("idempotency-key-reused", `This Idempotency-Key belongs to another request${which}.`);
}

/** The refusal of a key that made what is no longer there. */
export function madeErased(made: string): ApiError {
  return new ApiError("idempotency-key-reused", `This Idempotency-Key made ${made}, which was erased.`);
}
