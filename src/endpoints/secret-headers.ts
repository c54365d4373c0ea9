import type { Endpoint } from "../projects/project-config.ts";
import { originOf } from "../shared/origin.ts";
import { ApiError } from "../shared/problems.ts";
import { pointer } from "../shared/schema/validation-errors.ts";
import { ENDPOINT_LIMITS, isSecretHeader, MASK } from "./endpoint.ts";

type Headers = NonNullable<Endpoint["headers"]>;

/** Encrypts a header's value. */
type Wrap = (value: string) => Promise<string>;

/** A JSON Merge Patch of headers: null removes one, {@link MASK} leaves its value as it is. */
export type HeaderPatch = Readonly<Record<string, string | null>>;

/** Headers as they are to be, and the names of those that a move has dropped. */
export interface PatchedHeaders {
  readonly headers: Endpoint["headers"];
  readonly dropped: readonly string[];
}

/** Whether two addresses have scheme, host and port in common, however they are written. */
export function sameOrigin(one: string, other: string): boolean {
  return originOf(one) === originOf(other);
}

/**
 * Merges a patch into headers. Names in lower case, so that one header is one member; secret values are wrapped.
 *
 * @throws ApiError
 */
export async function patchHeaders(
  wrap: Wrap,
  before: Headers | undefined,
  patch: HeaderPatch | null | undefined,
): Promise<PatchedHeaders> {
  const merged = new Map(Object.entries((patch !== null && before) || {}));
  for (const [given, value] of Object.entries(patch ?? {})) {
    const name = given.toLowerCase();
    if (value === null) merged.delete(name);
    else if (!isMask(value)) merged.set(name, await encrypted(wrap, name, value));
    else if (!merged.has(name))
      throw fault(given, `is ${MASK}, and there is no value that it could stand for`);
  }
  return { headers: limited(merged), dropped: [] };
}

/**
 * The headers of an endpoint that moves to another origin: no stored header moves along, because a caller who may
 * change the address must not read the values. Headers of the request itself stay, when its key may read secrets.
 *
 * @throws ApiError
 */
export async function headersAfterMove(
  wrap: Wrap,
  before: Headers | undefined,
  patch: HeaderPatch | null | undefined,
  mayReadSecrets: () => Promise<boolean>,
): Promise<PatchedHeaders> {
  const given = Object.entries(patch ?? {}).flatMap(([name, value]) =>
    value === null ? [] : [{ name, value }],
  );
  for (const { name, value } of given) {
    if (isMask(value)) {
      throw fault(
        name,
        `is ${MASK}, and no header goes along to another origin: give its value, or leave it out`,
      );
    }
  }
  const kept = given.length > 0 && (await mayReadSecrets()) ? given : [];
  const headers = new Map<string, Headers[string]>();
  for (const { name, value } of kept) {
    headers.set(name.toLowerCase(), await encrypted(wrap, name, value));
  }
  const names = new Set([...Object.keys(before ?? {}), ...given.map(({ name }) => name.toLowerCase())]);
  return { headers: limited(headers), dropped: [...names].filter((name) => !headers.has(name)) };
}

function isMask(value: string): boolean {
  return value.trim() === MASK;
}

async function encrypted(wrap: Wrap, name: string, value: string): Promise<Headers[string]> {
  return isSecretHeader(name) ? { wrapped: await wrap(value) } : value;
}

function limited(headers: ReadonlyMap<string, Headers[string]>): Endpoint["headers"] {
  if (headers.size > ENDPOINT_LIMITS.headers) {
    throw invalid(["headers"], `must have at most ${ENDPOINT_LIMITS.headers} members`);
  }
  return headers.size > 0 ? Object.fromEntries(headers) : undefined;
}

function fault(name: string, detail: string): ApiError {
  return invalid(["headers", name], detail);
}

function invalid(path: readonly string[], detail: string): ApiError {
  const errors = [{ pointer: pointer(path), detail }];
  return new ApiError("invalid-request", "The body does not fit its schema.", { errors });
}
