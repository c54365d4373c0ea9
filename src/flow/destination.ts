import { headerFault } from "../domain/endpoint.ts";
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
  /** It may be sent later: its endpoint is to be verified. */
  readonly waits?: true;
}

const DELETED: Closed = { code: "endpoint-disabled", message: "The endpoint was deleted." };

/** Why an endpoint is sent nothing now, or undefined when it is. */
export function closed(endpoint: Endpoint): Closed | undefined {
  const code = "endpoint-disabled";
  if (endpoint.disabled) return { code, message: `The endpoint is disabled (${endpoint.disabled.reason}).` };
  if (endpoint.verifiedAt === undefined) {
    return { code, message: "The endpoint has not been verified yet.", waits: true };
  }
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
  project: string,
  stored: StoredConfig,
  { url, endpointId }: { readonly url: string; readonly endpointId?: string },
  now: number,
): Promise<Destination | Closed> {
  const config = parseConfig(stored);
  const schedule = parts.settings.retrySchedule;
  if (endpointId === undefined) {
    return {
      url,
      headers: {},
      secrets: await callbackSecrets(parts.keyring, project, config, now),
      schedule,
    };
  }
  const endpoint = findEndpoint(config, endpointId);
  if (!endpoint) return DELETED;
  return closed(endpoint) ?? (await toEndpoint(parts, project, config, endpoint, now));
}

/** How an endpoint is reached, whatever state it is in: its verification goes there too. */
export async function toEndpoint(
  parts: Parts,
  project: string,
  config: ProjectConfig,
  endpoint: Endpoint,
  now: number,
): Promise<Destination> {
  const { keyring, settings } = parts;
  const headers = await Promise.all(
    Object.entries(endpoint.headers ?? {})
      .filter(([name]) => headerFault(name, "") === undefined) // one may have been reserved since it was stored
      .map(async ([name, value]) => [
        name,
        typeof value === "string"
          ? value
          : await keyring.unwrap(value.wrapped, { purpose: "header", project }),
      ]),
  );
  return {
    url: endpoint.url,
    headers: Object.fromEntries(headers),
    secrets: await signers(keyring, project, config, endpoint, now),
    schedule: endpoint.retrySchedule ?? settings.retrySchedule,
    endpoint,
  };
}

function callbackSecrets(
  keyring: Keyring,
  project: string,
  config: ProjectConfig,
  now: number,
): Promise<readonly string[]> {
  const { signing: secrets, signatures = ["v1"] } = config;
  return signers(keyring, project, config, { secrets, signatures }, now);
}

async function signers(
  keyring: Keyring,
  project: string,
  { ed25519 }: ProjectConfig,
  { secrets, signatures }: Pick<Endpoint, "secrets" | "signatures">,
  now: number,
): Promise<readonly string[]> {
  const opened = signatures.includes("v1")
    ? validSecrets(secrets, now).map(({ wrapped }) =>
        keyring.unwrap(wrapped, { purpose: "signing-secret", project }),
      )
    : [];
  const pair =
    signatures.includes("v1a") && ed25519
      ? [keyring.unwrap(ed25519.wrapped, { purpose: "key-pair", project })]
      : [];
  return Promise.all([...opened, ...pair]);
}
