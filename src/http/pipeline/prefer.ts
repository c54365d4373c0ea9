import type { Context } from "hono";
import { accepts } from "hono/accepts";
import type { Waiting } from "../../tasks/read/wait-for-task.ts";
import type { Env } from "./route.ts";

/** The longest that an answer is held back, in seconds: proxies and clients often give up at 30. */
export const MAX_WAIT = 25;

/** The preferences of a request that are understood here. */
export interface Preferences {
  /** RFC 7240, section 4.1. */
  readonly respondAsync: boolean;
  /** RFC 7240, section 4.3: whole seconds, from 1; absent when the client does not want to wait. */
  readonly wait?: number;
}

/** A preference in a list: quoted strings may hold commas. */
const PREFERENCE = /(?:"(?:[^"\\]|\\.)*(?:"|$)|[^,"])+/g;
const NAME_AND_VALUE = /^\s*([^\s=;,"]+)\s*(?:=\s*(?:"([^"\\]*)"|([^\s;,"]*)))?\s*(?:;.*)?$/;
const LONGEST_HEADER = 1_000;
const LONGEST_WAIT = 86_400;

/**
 * Reads `Prefer`. Unknown or malformed preferences are ignored, names are compared without case, and of a repeated one
 * the first counts (RFC 7240, section 2).
 */
export function readPreferences(header: string): Preferences {
  const found = new Map<string, string>();
  for (const one of header.length > LONGEST_HEADER ? [] : (header.match(PREFERENCE) ?? [])) {
    const [, name, quoted, bare] = NAME_AND_VALUE.exec(one) ?? [];
    const key = name?.toLowerCase();
    if (key !== undefined && !found.has(key)) found.set(key, quoted ?? bare ?? "");
  }
  const seconds = found.get("wait") ?? "";
  // Any number of digits: what is longer than any wait is cut to the longest that is granted.
  const wait = /^\d+$/.test(seconds) ? Math.min(Number(seconds), LONGEST_WAIT) : 0;
  return { respondAsync: found.has("respond-async"), ...(wait > 0 && { wait }) };
}

export function preferencesOf(c: Context<Env>): Preferences {
  return readPreferences(c.req.header("Prefer") ?? "");
}

/** How the client of this request waits, when it asks for it. */
export function waitingOf(
  c: Context<Env>,
  { wait }: Preferences,
  until: Waiting["until"],
  include: Waiting["include"] = { result: true },
): Waiting | undefined {
  if (wait === undefined) return undefined;
  return { length: Math.min(wait, MAX_WAIT) * 1_000, until, gone: goneOf(c), include };
}

/** The header of an answer that came within the wait. */
export function waitApplied({ wait }: Preferences): { readonly "Preference-Applied"?: string } {
  return wait === undefined ? {} : { "Preference-Applied": `wait=${Math.min(wait, MAX_WAIT)}` };
}

/** Aborts when the client goes away; on Workers with the compatibility flag `enable_request_signal`. */
export function goneOf(c: Context<Env>): AbortSignal {
  const signal: AbortSignal | null | undefined = c.req.raw.signal;
  return signal ?? new AbortController().signal;
}

const JSON_TYPE = "application/json";
const STREAM_TYPE = "text/event-stream";

/** Whether the client wants the answer as an event stream: it gives it by name more weight than JSON. */
export function acceptsStream(c: Context<Env>): boolean {
  const preferred = accepts(c, {
    header: "Accept",
    supports: [JSON_TYPE, STREAM_TYPE],
    default: JSON_TYPE,
    match: (given) => (weightOf(given, STREAM_TYPE) > weightOf(given, JSON_TYPE) ? STREAM_TYPE : JSON_TYPE),
  });
  return preferred === STREAM_TYPE;
}

/** The weight of a media type by name (RFC 9110, section 12.5.1); 0 when it is not named. */
function weightOf(given: readonly { readonly type: string; readonly q: number }[], type: string): number {
  return given.find((range) => range.type.toLowerCase() === type)?.q ?? 0;
}
