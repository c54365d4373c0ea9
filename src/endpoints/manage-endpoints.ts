import type { EndpointHealth } from "../ports/commands/delivery.ts";
import type { Dependencies } from "../ports/dependencies.ts";
import { FetchFailure, ResolverUnavailable, type UrlJudge } from "../ports/fetcher.ts";
import type { Cipher } from "../ports/keyring.ts";
import type { EndpointHealthStore } from "../ports/stores/delivery-store.ts";
import type { ConfigStore } from "../ports/stores/project-store.ts";
import type { Scope } from "../projects/caller.ts";
import {
  type Configured,
  type ConfigureParts,
  configure,
  foundIn,
  readConfiguration,
} from "../projects/configure.ts";
import type { Client } from "../projects/principal.ts";
import { type Endpoint, type ProjectConfig, withEndpoint } from "../projects/project-config.ts";
import { isId, makeId, partitionOf } from "../shared/id.ts";
import type { Idempotency } from "../shared/idempotency.ts";
import { ApiError } from "../shared/problems.ts";
import { TERMINAL } from "../tasks/status.ts";
import type { Format, SignatureKind } from "./endpoint.ts";
import { forgetPublicKeys, type PublicKeyParts } from "./public-keys.ts";
import { type HeaderPatch, headersAfterMove, patchHeaders, sameOrigin } from "./secret-headers.ts";
import { withKeyPair } from "./signing-keys.ts";
import { makeEncryptedSigningSecret, openSecrets, rotated } from "./signing-secrets.ts";

/** The parts that the management of endpoints uses. */
export type EndpointParts = PublicKeyParts &
  ConfigureParts &
  Pick<Dependencies, "settings"> & {
    readonly store: ConfigStore & EndpointHealthStore;
    readonly keyring: Cipher;
    readonly fetcher: UrlJudge;
  };

/** Milliseconds after which a resolver that failed is worth asking again. */
const RESOLVER_RETRY = 5_000;

/** The settings of an endpoint in a client's request; null removes a member. Durations in milliseconds. */
export interface EndpointChanges {
  readonly url?: string;
  readonly events?: readonly string[];
  readonly description?: string | null;
  /** Merged by name; null removes one. None moves along to another origin. */
  readonly headers?: HeaderPatch | null;
  readonly metadata?: Readonly<Record<string, string | null>> | null;
  readonly retrySchedule?: readonly number[] | null;
  readonly rateLimit?: number | null;
  readonly format?: Format;
  readonly signatures?: readonly SignatureKind[];
  readonly disabled?: boolean;
  /** Why it is disabled. */
  readonly reason?: string;
}

/** An endpoint as it is now, and the time at which it was read. */
export interface FoundEndpoint {
  readonly endpoint: Endpoint;
  /** Redis time. */
  readonly now: number;
}

/** Registers an endpoint; its secret is shown. @throws ApiError */
export async function createEndpoint(
  ctx: EndpointParts,
  caller: Client,
  wanted: EndpointChanges & { readonly url: string },
  idempotency?: Idempotency,
): Promise<FoundEndpoint & { readonly secret: string; readonly replayed: boolean }> {
  const made = await configure(
    ctx,
    caller,
    { scope: "endpoints:write", idempotency },
    async (config, now) => {
      const { maxEndpoints } = ctx.settings;
      if (config.endpoints.length >= maxEndpoints) {
        throw new ApiError("endpoint-limit-reached", `This project may have ${maxEndpoints} endpoints.`);
      }
      await checkEndpointUrl(ctx, wanted.url);
      const random = crypto.getRandomValues(new Uint8Array(8));
      const blank: Endpoint = {
        id: makeId("ep", now, partitionOf(caller.project), random),
        url: wanted.url,
        events: TERMINAL.map((status) => `task.${status}`),
        format: "full",
        signatures: ["v1"],
        secrets: [{ wrapped: await makeEncryptedSigningSecret(ctx.keyring, caller.project) }],
        createdAt: now,
      };
      return change(ctx, caller, config, blank, wanted, now);
    },
  );
  const endpoint = foundIn(made.config, made.id);
  const [current] = await openSecrets(ctx.keyring, caller.project, endpoint.secrets, made.now);
  return { endpoint, now: made.now, secret: current?.secret ?? "", replayed: made.replayed };
}

/** An endpoint, and how its deliveries go. */
export interface EndpointWithHealth {
  readonly endpoint: Endpoint;
  readonly health: EndpointHealth;
}

/** An endpoint, with its health. @throws ApiError */
export async function readEndpoint(
  ctx: EndpointParts,
  caller: Client,
  id: string,
): Promise<FoundEndpoint & EndpointWithHealth> {
  const { config, now } = await readConfiguration(ctx, caller, "endpoints:read");
  const endpoint = foundIn(config, id);
  const [health = { failures: 0 }] = await ctx.store.readHealth(caller.project, [endpoint]);
  return { endpoint, now, health };
}

/** A page of the project's endpoints with their health, newest first. @throws ApiError */
export async function listEndpoints(
  ctx: EndpointParts,
  caller: Client,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string },
): Promise<{ readonly data: readonly EndpointWithHealth[]; readonly nextCursor?: string }> {
  if (cursor !== undefined && !isId("ep", cursor)) {
    throw new ApiError("malformed-parameter", "The cursor is not one that this API gave.");
  }
  const { config } = await readConfiguration(ctx, caller, "endpoints:read");
  // Ids begin with their time.
  const sorted = config.endpoints.toSorted((a, b) => (a.id < b.id ? 1 : -1));
  const left = cursor === undefined ? sorted : sorted.filter(({ id }) => id < cursor);
  const page = left.slice(0, limit);
  const last = page.at(-1);
  const healths = await ctx.store.readHealth(caller.project, page);
  const data = page.map((endpoint, index) => ({ endpoint, health: healths[index] ?? { failures: 0 } }));
  return { data, ...(last && left.length > limit && { nextCursor: last.id }) };
}

/**
 * Changes an endpoint; a new address has to be verified again.
 *
 * @returns also the names of the headers that were removed because of another origin
 * @throws ApiError
 */
export async function changeEndpoint(
  ctx: EndpointParts,
  caller: Client,
  id: string,
  changes: EndpointChanges,
): Promise<FoundEndpoint & { readonly droppedHeaders: readonly string[] }> {
  let droppedHeaders: readonly string[] = [];
  const changed = await configure(ctx, caller, { scope: "endpoints:write" }, async (config, now) => {
    const endpoint = foundIn(config, id);
    if (changes.url !== undefined && changes.url !== endpoint.url) await checkEndpointUrl(ctx, changes.url);
    const made = await change(ctx, caller, config, endpoint, changes, now);
    droppedHeaders = made.droppedHeaders;
    return made;
  });
  return { endpoint: foundIn(changed.config, id), now: changed.now, droppedHeaders };
}

/** Deletes an endpoint. Deliveries that were on their way to it end as dead letters. @throws ApiError */
export async function deleteEndpoint(ctx: EndpointParts, caller: Client, id: string): Promise<void> {
  await configure(ctx, caller, { scope: "endpoints:write" }, async (config) => {
    foundIn(config, id);
    return { config: withEndpoint(config, id, undefined), id };
  });
}

/**
 * Gives an endpoint a new secret; the old one still signs for so many milliseconds.
 *
 * @returns whether the idempotency key had done so before
 * @throws ApiError
 */
export async function rotateEndpointSecret(
  ctx: EndpointParts,
  caller: Client,
  id: string,
  overlap: number,
  idempotency?: Idempotency,
): Promise<boolean> {
  const done = await configure(ctx, caller, { scope: "secrets:write", idempotency }, async (config, now) => {
    const endpoint = foundIn(config, id);
    const secrets = await rotated(ctx.keyring, caller.project, endpoint.secrets, overlap, now);
    return { config: withEndpoint(config, id, { ...endpoint, secrets }), id };
  });
  return done.replayed;
}

/** Writes facts about an endpoint, unless its address has changed meanwhile. @throws ApiError */
export function noteEndpoint(
  ctx: EndpointParts,
  caller: Client,
  { id, url }: Endpoint,
  options: { readonly scope: Scope; readonly idempotency?: Idempotency | undefined },
  note: (endpoint: Endpoint, now: number) => Endpoint,
): Promise<Configured> {
  return configure(ctx, caller, options, async (config, now) => {
    const endpoint = foundIn(config, id);
    if (endpoint.url !== url) {
      throw new ApiError("verification-failed", "The endpoint's address was changed meanwhile.");
    }
    return { config: withEndpoint(config, id, note(endpoint, now)), id };
  });
}

async function change(
  ctx: EndpointParts,
  caller: Client,
  config: ProjectConfig,
  before: Endpoint,
  changes: EndpointChanges,
  now: number,
): Promise<{ config: ProjectConfig; id: string; droppedHeaders: readonly string[] }> {
  const { url = before.url, signatures = before.signatures } = changes;
  const { description, headers: _headers, metadata, retrySchedule, rateLimit, disabled, ...rest } = before;
  const { headers, dropped } = await headersOf(ctx, caller, before, changes);
  const moved = url !== before.url;
  const { verifiedAt: _verified, allowedRate: _rate, ...unverified } = rest;
  const endpoint: Endpoint = {
    ...(moved ? unverified : rest),
    url,
    events: changes.events ?? before.events,
    format: changes.format ?? before.format,
    signatures,
    ...member("description", changes.description, description),
    ...member("headers", headers, undefined),
    ...member("metadata", merge(metadata, changes.metadata), undefined),
    ...member("retrySchedule", changes.retrySchedule, retrySchedule),
    ...member("rateLimit", changes.rateLimit, rateLimit),
    ...member("disabled", disabledBy(changes, now), disabled),
    ...(disabled && changes.disabled === false && { enabledAt: now }),
  };
  const ready = await withKeyPair(ctx.keyring, caller.project, config, signatures);
  forgetPublicKeys(ctx, caller.project);
  return { config: withEndpoint(ready, endpoint.id, endpoint), id: endpoint.id, droppedHeaders: dropped };
}

function headersOf(
  { keyring, store }: EndpointParts,
  caller: Client,
  before: Endpoint,
  { url = before.url, headers: patch }: EndpointChanges,
) {
  const wrap = (value: string) => keyring.encrypt(value, { purpose: "header", project: caller.project });
  if (sameOrigin(url, before.url)) return patchHeaders(wrap, before.headers, patch);
  const mayReadSecrets = async () => (await store.readConfig(caller, "secrets:read")).kind === "found";
  return headersAfterMove(wrap, before.headers, patch, mayReadSecrets);
}

/** The new value of a member: the requested one, or the current one; null and undefined leave it out. */
function member<Name extends string, Value>(
  name: Name,
  asked: Value | null | undefined,
  before: Value | undefined,
): { readonly [name in Name]?: Value } {
  const value = asked === undefined ? before : asked;
  return (value === undefined || value === null ? {} : { [name]: value }) as { [name in Name]?: Value }; // its own name
}

function disabledBy({ disabled, reason }: EndpointChanges, now: number): Endpoint["disabled"] | null {
  if (disabled === undefined) return undefined;
  return disabled ? { reason: reason ?? "manual", at: now } : null;
}

/** JSON Merge Patch (RFC 7396) of a flat object; without members it is left out. */
function merge<Value>(
  before: Readonly<Record<string, Value>> | undefined,
  changes: Readonly<Record<string, Value | null>> | null | undefined,
): Readonly<Record<string, Value>> | undefined {
  const merged = changes === null ? {} : { ...before, ...changes };
  const kept = Object.entries(merged).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  );
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

/**
 * Judges an address as every attempt does: the URL itself, and the addresses of its name.
 *
 * @throws ApiError
 */
async function checkEndpointUrl(ctx: EndpointParts, url: string): Promise<void> {
  const detail = await ctx.fetcher.resolveAndCheck(url).then((unsafe) => unsafe?.detail, unresolved);
  if (detail === undefined) return;
  throw new ApiError("unsafe-callback-url", detail, { errors: [{ pointer: "#/url", detail }] });
}

/** Why a name that cannot be resolved is refused. @throws ApiError when the resolver is to blame, not the name */
function unresolved(error: unknown): string {
  if (error instanceof ResolverUnavailable) {
    const unknown =
      "The resolver did not return the addresses of the URL's host. Nothing was changed: repeat the request.";
    throw new ApiError("temporarily-unavailable", unknown, { retryAfter: RESOLVER_RETRY });
  }
  if (error instanceof FetchFailure) return error.message;
  throw error;
}
