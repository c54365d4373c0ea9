import type { StoredConfig } from "./caller.ts";
import type { Keyring, Parts } from "./parts.ts";
import {
  type Endpoint,
  findEndpoint,
  type ProjectConfig,
  parseConfig,
  validSecrets,
} from "./project-config.ts";

/** Where a delivery goes now, and how. */
export interface Destination {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What signs it: `whsec_…` newest first, a JWK for Ed25519. */
  readonly secrets: readonly string[];
  /** Delays between attempts, milliseconds. */
  readonly schedule: readonly number[];
  readonly endpoint?: Endpoint;
}

/** Why a delivery may not be sent, as its attempt says. */
export interface Closed {
  readonly code: "endpoint-disabled";
  readonly message: string;
}

const DELETED: Closed = { code: "endpoint-disabled", message: "The endpoint was deleted." };

/** Why an endpoint is sent nothing now, or undefined when it is. */
export function closed(endpoint: Endpoint): Closed | undefined {
  const code = "endpoint-disabled";
  if (endpoint.disabled) return { code, message: `The endpoint is disabled (${endpoint.disabled.reason}).` };
  if (endpoint.verifiedAt === undefined) return { code, message: "The endpoint has not been verified yet." };
  return undefined;
}

/**
 * Where a delivery goes by the configuration of now: an endpoint's address, headers and secrets may have changed since
 * the event happened.
 *
 * @param now Redis time
 */
export async function destinationOf(
  parts: Parts,
  stored: StoredConfig,
  { url, endpointId }: { readonly url: string; readonly endpointId?: string },
  now: number,
): Promise<Destination | Closed> {
  const config = parseConfig(stored);
  const schedule = parts.settings.retrySchedule;
  if (endpointId === undefined) {
    return { url, headers: {}, secrets: await callbackSecrets(parts.keyring, config, now), schedule };
  }
  const endpoint = findEndpoint(config, endpointId);
  if (!endpoint) return DELETED;
  return closed(endpoint) ?? (await toEndpoint(parts, config, endpoint, now));
}

/** How an endpoint is reached, whatever state it is in: its verification goes there too. */
export async function toEndpoint(
  parts: Parts,
  config: ProjectConfig,
  endpoint: Endpoint,
  now: number,
): Promise<Destination> {
  const { keyring, settings } = parts;
  const headers = await Promise.all(
    Object.entries(endpoint.headers ?? {}).map(async ([name, value]) => [
      name,
      typeof value === "string" ? value : await keyring.unwrap(value.wrapped),
    ]),
  );
  return {
    url: endpoint.url,
    headers: Object.fromEntries(headers),
    secrets: await signers(keyring, config, endpoint, now),
    schedule: endpoint.retrySchedule ?? settings.retrySchedule,
    endpoint,
  };
}

function callbackSecrets(keyring: Keyring, config: ProjectConfig, now: number): Promise<readonly string[]> {
  return signers(keyring, config, { secrets: config.signing, signatures: config.signatures ?? ["v1"] }, now);
}

async function signers(
  keyring: Keyring,
  { ed25519 }: ProjectConfig,
  { secrets, signatures }: Pick<Endpoint, "secrets" | "signatures">,
  now: number,
): Promise<readonly string[]> {
  const sealed = [
    ...(signatures.includes("v1") ? validSecrets(secrets, now) : []),
    ...(signatures.includes("v1a") && ed25519 ? [ed25519] : []),
  ];
  return Promise.all(sealed.map(({ wrapped }) => keyring.unwrap(wrapped)));
}
