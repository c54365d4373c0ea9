import { type Disabled, type Format, matchesEvent, type SignatureKind } from "../endpoints/endpoint.ts";
import type { Purpose } from "../ports/keyring.ts";
import type { StoredConfig } from "./caller.ts";

/** A secret, encrypted under the master secret; an older one still signs until it expires (milliseconds). */
export interface EncryptedSecret {
  readonly wrapped: string;
  readonly expiresAt?: number;
}

/** A receiver that the project has registered; durations and times in milliseconds. */
export interface Endpoint {
  readonly id: string;
  readonly url: string;
  /** Event patterns. */
  readonly events: readonly string[];
  readonly description?: string;
  /** Sent along with every event; secret values are encrypted. */
  readonly headers?: Readonly<Record<string, string | { readonly wrapped: string }>>;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Delays between attempts; the deployment's unless given. */
  readonly retrySchedule?: readonly number[];
  /** Deliveries per second. */
  readonly rateLimit?: number;
  readonly format: Format;
  readonly signatures: readonly SignatureKind[];
  /** Newest first. */
  readonly secrets: readonly EncryptedSecret[];
  readonly createdAt: number;
  /** When its receiver agreed to receive events; absent: only the challenge is sent. */
  readonly verifiedAt?: number;
  /** Deliveries per minute that it allowed in the CloudEvents handshake, when it named a number. */
  readonly allowedRate?: number;
  readonly disabled?: Disabled;
  /** When it was enabled again: earlier failures do not count. */
  readonly enabledAt?: number;
}

/** The one Ed25519 key pair of a project. */
export interface KeyPair {
  /** The private key, a JWK's JSON, encrypted. */
  readonly wrapped: string;
  /** The public key's 32 bytes, base64url. */
  readonly x: string;
}

/** A project's configuration: the JSON behind the version in `p:cfg`. */
export interface ProjectConfig {
  /** Task types whose attempts are held, as {@link pausedName} writes them; `*`: all of them. */
  readonly paused?: readonly string[];
  /** Secrets for `callbackUrl`, newest first. */
  readonly signing: readonly EncryptedSecret[];
  /** How callbacks to `callbackUrl` are signed; only `v1` unless set. */
  readonly signatures?: readonly SignatureKind[];
  readonly ed25519?: KeyPair;
  /** Oldest first. */
  readonly endpoints: readonly Endpoint[];
}

/** Stands for every type in the list of the paused ones. */
export const EVERY_TYPE = "*";

/**
 * The name of a type in the list of the paused ones: percent-encoded, so that a script finds any type, and no type is
 * `*`.
 */
export function pausedName(type: string): string {
  return encodeURIComponent(type).replaceAll("*", "%2A");
}

const parsed = new WeakMap<StoredConfig, ProjectConfig>();

/** Reads a stored configuration, once however often it is asked for; a project without one has an empty one. */
export function parseConfig(stored: StoredConfig): ProjectConfig {
  let config = parsed.get(stored);
  if (!config) {
    const json: Partial<ProjectConfig> = JSON.parse(stored.json);
    config = { ...json, signing: json.signing ?? [], endpoints: json.endpoints ?? [] };
    parsed.set(stored, config);
  }
  return config;
}

/** Whether the attempts of a type are held, alone or with all of the project. */
export function isPaused({ paused = [] }: Pick<ProjectConfig, "paused">, type: string): boolean {
  return paused.includes(pausedName(type)) || paused.includes(EVERY_TYPE);
}

export function findEndpoint(config: ProjectConfig, id: string): Endpoint | undefined {
  return config.endpoints.find((endpoint) => endpoint.id === id);
}

/** Deliveries per second to an endpoint: the project's setting, or less where its receiver allowed less. */
export function rateOf({ rateLimit, allowedRate }: Endpoint): number | undefined {
  const rates = [rateLimit, allowedRate === undefined ? undefined : allowedRate / 60];
  const rate = Math.min(...rates.filter((one) => one !== undefined));
  return Number.isFinite(rate) ? rate : undefined;
}

/** The endpoints that subscribe to an event, whether or not they may receive it now. */
export function subscribersOf(config: ProjectConfig, type: string): readonly Endpoint[] {
  return config.endpoints.filter(({ events }) => matchesEvent(events, type));
}

/** The configuration with an endpoint changed, added at the end, or (undefined) removed. */
export function withEndpoint(
  config: ProjectConfig,
  id: string,
  endpoint: Endpoint | undefined,
): ProjectConfig {
  const changed = endpoint ? [endpoint] : [];
  if (!findEndpoint(config, id)) return { ...config, endpoints: [...config.endpoints, ...changed] };
  return { ...config, endpoints: config.endpoints.flatMap((one) => (one.id === id ? changed : [one])) };
}

/** The secrets that sign at that time, newest first. */
export function validSecrets(secrets: readonly EncryptedSecret[], now: number): readonly EncryptedSecret[] {
  return secrets.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
}

/** Every encrypted text within, so that a rotation of the master secret includes all. */
export function encryptedTexts(config: ProjectConfig): readonly string[] {
  const texts: string[] = [];
  mapEncrypted(config, (wrapped) => {
    texts.push(wrapped);
    return wrapped;
  });
  return texts;
}

/** The configuration with every encrypted text replaced. */
export function mapEncrypted(
  config: ProjectConfig,
  replace: (wrapped: string, purpose: Purpose) => string,
): ProjectConfig {
  const of =
    (purpose: Purpose) =>
    <Encrypted extends { readonly wrapped: string }>(encrypted: Encrypted): Encrypted => ({
      ...encrypted,
      wrapped: replace(encrypted.wrapped, purpose),
    });
  const [secret, header] = [of("signing-secret"), of("header")];
  return {
    ...config,
    signing: config.signing.map(secret),
    ...(config.ed25519 && { ed25519: of("key-pair")(config.ed25519) }),
    endpoints: config.endpoints.map((endpoint) => ({
      ...endpoint,
      secrets: endpoint.secrets.map(secret),
      ...(endpoint.headers && {
        headers: Object.fromEntries(
          Object.entries(endpoint.headers).map(([name, value]) => [
            name,
            typeof value === "string" ? value : header(value),
          ]),
        ),
      }),
    })),
  };
}
