import { Refusal } from "../domain/problems.ts";
import type { RateState } from "../flow/task-commands.ts";

const BARE_KEY = /^[!-~]{1,255}$/;
const QUOTED_KEY = /^"((?:[!#-[\]-~]|\\["\\])*)"$/;

/**
 * The key that an `Idempotency-Key` header carries: a quoted string (draft-ietf-httpapi-idempotency-key-header,
 * section 2.1) or the bare one that most clients send; `"abc"` and `abc` are one key.
 *
 * @throws Refusal `malformed-idempotency-key`
 */
export function idempotencyKey(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const quoted = QUOTED_KEY.exec(value);
  const key = quoted ? (quoted[1] ?? "").replace(/\\(.)/g, "$1") : value;
  if (!BARE_KEY.test(key) || (!quoted && key.startsWith('"'))) {
    throw new Refusal(
      "malformed-idempotency-key",
      "Idempotency-Key must be 1 to 255 visible ASCII characters, bare or in double quotes.",
    );
  }
  return key;
}

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-.*)?$/;

/**
 * A `traceparent` that can be carried on (W3C Trace Context, section 3.2), as version 00; undefined when there is
 * none or it is malformed, because then the trace starts anew.
 */
export function traceparent(value: string | undefined): string | undefined {
  const match = TRACEPARENT.exec(value?.trim() ?? "");
  if (!match || (match[1] === "00" && match[3] !== undefined)) return undefined;
  return `00-${match[2]}`;
}

/** Whether `Prefer` asks for `respond-async` (RFC 7240, section 4.1). */
export function prefersAsync(value: string | undefined): boolean {
  return (value ?? "")
    .replace(/"(?:[^"\\]|\\.)*"/g, "")
    .split(",")
    .some((preference) => preference.split(/[;=]/)[0]?.trim().toLowerCase() === "respond-async");
}

/** Whole seconds for `Retry-After` and its kin (RFC 9110, section 10.2.3), never too early. */
export function seconds(milliseconds: number): string {
  return `${Math.max(1, Math.ceil(milliseconds / 1_000))}`;
}

/**
 * The state of a project's rate (draft-ietf-httpapi-ratelimit-headers).
 *
 * @param quota accepted tasks per second
 */
export function rateHeaders(quota: number, rate: RateState): Record<string, string> {
  return {
    RateLimit: `"default";r=${Math.max(0, Math.floor(rate.remaining))};t=${Math.max(0, Math.ceil(rate.reset / 1_000))}`,
    "RateLimit-Policy": `"default";q=${quota};w=1`,
  };
}

/** The target of a page's `Link: rel="next"` (RFC 8288): this list, from the cursor on. */
export function nextLink(publicUrl: string, requestUrl: string, cursor: string): string {
  const { pathname, searchParams } = new URL(requestUrl);
  searchParams.set("cursor", cursor);
  return `<${publicUrl}${pathname}?${searchParams}>; rel="next"`;
}
