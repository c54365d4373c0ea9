import { headerFault } from "../endpoints/endpoint.ts";
import type { Dependencies } from "../ports/dependencies.ts";
import { Undecryptable } from "../ports/errors.ts";
import type { Cipher } from "../ports/keyring.ts";
import type { StoredConfig } from "../projects/caller.ts";
import {
  type Endpoint,
  findEndpoint,
  type ProjectConfig,
  parseConfig,
  validSecrets,
} from "../projects/project-config.ts";

/** The parts that the choice of a destination uses. */
export type DestinationParts = Pick<Dependencies, "settings"> & { readonly keyring: Cipher };

/** The current destination of a delivery, and how to call it. */
export interface Destination {
  readonly kind: "open";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The keys that sign it: `whsec_…` newest first, a JWK for Ed25519. */
  readonly secrets: readonly string[];
  /** Delays between attempts, milliseconds. */
  readonly schedule: readonly number[];
  readonly endpoint?: Endpoint;
}

/** Why a delivery may not be sent; becomes the attempt's error. */
export interface Closed {
  readonly kind: "closed";
  readonly code: "endpoint-disabled" | "undecryptable";
  readonly message: string;
  /** It may be sent later: its endpoint is to be verified. */
  readonly waits?: true;
}

const DELETED: Closed = { kind: "closed", code: "endpoint-disabled", message: "The endpoint was deleted." };

const LOST: Closed = {
  kind: "closed",
  code: "undecryptable",
  message:
    "No configured master secret decrypts the delivery's signing secrets, or its endpoint's secret headers.",
};

/** Why an endpoint receives nothing now, or undefined when it does. */
export function closed(endpoint: Endpoint): Closed | undefined {
  const refusal = { kind: "closed", code: "endpoint-disabled" } as const;
  if (endpoint.disabled)
    return { ...refusal, message: `The endpoint is disabled (${endpoint.disabled.reason}).` };
  if (endpoint.verifiedAt === undefined) {
    return { ...refusal, message: "The endpoint has not been verified yet.", waits: true };
  }
  return undefined;
}

/**
 * The destination of a delivery by the current configuration: an endpoint's address, headers and secrets may have
 * changed since the event happened.
 *
 * @param now Redis time
 */
export async function destinationOf(
  deps: DestinationParts,
  project: string,
  stored: StoredConfig,
  { url, endpointId }: { readonly url: string; readonly endpointId?: string },
  now: number,
): Promise<Destination | Closed> {
  const config = parseConfig(stored);
  const schedule = deps.settings.retrySchedule;
  const endpoint = endpointId === undefined ? undefined : findEndpoint(config, endpointId);
  if (endpointId !== undefined && !endpoint) return DELETED;
  const why = endpoint && closed(endpoint);
  if (why) return why;
  try {
    if (endpoint) return await toEndpoint(deps, project, config, endpoint, now);
    const secrets = await callbackSecrets(deps.keyring, project, config, now);
    return { kind: "open", url, headers: {}, secrets, schedule };
  } catch (error) {
    if (error instanceof Undecryptable) return LOST;
    throw error;
  }
}

/** How an endpoint is reached in any state: its verification request goes there too. */
export async function toEndpoint(
  deps: DestinationParts,
  project: string,
  config: ProjectConfig,
  endpoint: Endpoint,
  now: number,
): Promise<Destination> {
  const { keyring, settings } = deps;
  const headers = await Promise.all(
    Object.entries(endpoint.headers ?? {})
      .filter(([name]) => headerFault(name, "") === undefined) // one may have been reserved since it was stored
      .map(async ([name, value]) => [
        name,
        typeof value === "string"
          ? value
          : await keyring.decrypt(value.wrapped, { purpose: "header", project }),
      ]),
  );
  return {
    kind: "open",
    url: endpoint.url,
    headers: Object.fromEntries(headers),
    secrets: await signers(keyring, project, config, endpoint, now),
    schedule: endpoint.retrySchedule ?? settings.retrySchedule,
    endpoint,
  };
}

function callbackSecrets(
  keyring: Cipher,
  project: string,
  config: ProjectConfig,
  now: number,
): Promise<readonly string[]> {
  const { signing: secrets, signatures = ["v1"] } = config;
  return signers(keyring, project, config, { secrets, signatures }, now);
}

async function signers(
  keyring: Cipher,
  project: string,
  { ed25519 }: ProjectConfig,
  { secrets, signatures }: Pick<Endpoint, "secrets" | "signatures">,
  now: number,
): Promise<readonly string[]> {
  const symmetric = signatures.includes("v1") ? validSecrets(secrets, now) : [];
  const pairs = signatures.includes("v1a") && ed25519 ? [ed25519] : [];
  const encrypted = [
    ...symmetric.map(({ wrapped }) => ({ wrapped, purpose: "signing-secret" as const })),
    ...pairs.map(({ wrapped }) => ({ wrapped, purpose: "key-pair" as const })),
  ];
  return opened(encrypted, ({ wrapped, purpose }) => keyring.decrypt(wrapped, { purpose, project }));
}

/**
 * The secrets that a configured master secret decrypts: after a rotation the new secret signs, even if the old one is
 * lost.
 *
 * @throws Undecryptable when there are some and none can be decrypted
 */
export async function opened<Encrypted, Opened>(
  encrypted: readonly Encrypted[],
  open: (one: Encrypted) => Promise<Opened>,
): Promise<readonly Opened[]> {
  const tried = await Promise.allSettled(encrypted.map(open));
  const found = tried.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const lost = tried.find((one) => one.status === "rejected");
  const isFatal = found.length === 0 || !(lost?.reason instanceof Undecryptable);
  if (lost && isFatal) throw lost.reason;
  return found;
}
