import type { RateState } from "../../ports/commands/task.ts";
import { ApiError } from "../../shared/problems.ts";

const BARE_KEY = /^[!-~]{1,255}$/;
const QUOTED_KEY = /^"((?:[!#-[\]-~]|\\["\\])*)"$/;

/**
 * The key that an `Idempotency-Key` header carries: a quoted string (draft-ietf-httpapi-idempotency-key-header,
 * section 2.1) or the bare one that most clients send; `"abc"` and `abc` are one key.
 *
 * @throws ApiError `malformed-idempotency-key`
 */
export function idempotencyKey(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const quoted = QUOTED_KEY.exec(value);
  const key = quoted ? (quoted[1] ?? "").replace(/\\(.)/g, "$1") : value;
  if (!BARE_KEY.test(key) || (!quoted && key.startsWith('"'))) {
    throw new ApiError(
      "malformed-idempotency-key",
      "Idempotency-Key must be 1 to 255 visible ASCII characters, bare or in double quotes.",
    );
  }
  return key;
}

/** Whole seconds for `Retry-After` and its kin (RFC 9110, section 10.2.3), never too early. */
export function seconds(milliseconds: number): string {
  return `${Math.max(1, Math.ceil(milliseconds / 1_000))}`;
}

/**
 * The state of a project's rate (draft-ietf-httpapi-ratelimit-headers-10). Open tasks count in a unit of their own: a
 * task is a request until it ends, so it is the registered unit `concurrent-requests`.
 *
 * @param open how many tasks the project may have open, when it has as many
 */
export function rateHeaders(
  rate: RateState & { readonly policy?: "read" },
  open?: number,
): { readonly RateLimit: string; readonly "RateLimit-Policy": string } {
  const policy = rate.policy ?? "default";
  const left = Math.max(0, Math.floor(rate.remaining));
  const reset = Math.max(0, Math.ceil(rate.reset / 1_000));
  const full = open !== undefined;
  return {
    RateLimit: `"${policy}";r=${left};t=${reset}${full ? ', "open";r=0' : ""}`,
    "RateLimit-Policy": `"${policy}";q=${rate.limit};w=1${full ? `, "open";q=${open};qu="concurrent-requests"` : ""}`,
  };
}

/** The target of a page's `Link: rel="next"` (RFC 8288): this list, from the cursor on. */
export function nextLink(publicUrl: string, requestUrl: string, cursor: string): string {
  const { pathname, searchParams } = new URL(requestUrl);
  searchParams.set("cursor", cursor);
  return `<${publicUrl}${pathname}?${searchParams}>; rel="next"`;
}
