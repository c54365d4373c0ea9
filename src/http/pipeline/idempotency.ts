import type { Context } from "hono";
import type { Hashes } from "../../shared/hashes.ts";
import { type Idempotency, idempotencyOf } from "../../shared/idempotency.ts";
import { idempotencyKey } from "./headers.ts";

/** The refusals of a route that takes an `Idempotency-Key`. */
export const IDEMPOTENCY_PROBLEMS = ["malformed-idempotency-key", "idempotency-key-reused"] as const;

/**
 * The request's `Idempotency-Key`, as the script that does the work checks it.
 *
 * @param json the parsed body, undefined where the route takes none
 * @throws ApiError `malformed-idempotency-key`
 */
export function idempotencyIn(
  { hashes }: { readonly hashes: Hashes },
  c: Context,
  json?: unknown,
): Promise<Idempotency | undefined> {
  return idempotencyOf(hashes, "POST", c.req.path, idempotencyKey(c.req.header("Idempotency-Key")), json);
}

/** Marks the answer as that of an earlier request. */
export function replayedHeader(replayed: boolean): { readonly "Idempotent-Replayed"?: string } {
  return replayed ? { "Idempotent-Replayed": "true" } : {};
}
