import { opened } from "../deliveries/destination.ts";
import type { Cipher } from "../ports/keyring.ts";
import { type ConfigureParts, configure, foundIn, readConfiguration } from "../projects/configure.ts";
import type { Client } from "../projects/principal.ts";
import {
  type EncryptedSecret,
  type KeyPair,
  type ProjectConfig,
  validSecrets,
} from "../projects/project-config.ts";
import { base64 } from "../shared/bytes.ts";
import type { Idempotency } from "../shared/idempotency.ts";
import { ApiError } from "../shared/problems.ts";
import { timestamp } from "../tasks/view.ts";
import { ENDPOINT_LIMITS, type SignatureKind } from "./endpoint.ts";
import { forgetPublicKeys, type PublicKeyParts } from "./public-keys.ts";
import { withKeyPair } from "./signing-keys.ts";

/** The parts that the management of signing secrets uses. */
type SigningParts = PublicKeyParts & ConfigureParts & { readonly keyring: Cipher };

/** `whsec_` and 32 random bytes in standard base64, as the Standard Webhooks libraries read it. */
export function makeSigningSecret(): string {
  return `whsec_${base64(crypto.getRandomValues(new Uint8Array(32)))}`;
}

/** A new signing secret, encrypted. */
export function makeEncryptedSigningSecret(keyring: Cipher, project: string): Promise<string> {
  return keyring.encrypt(makeSigningSecret(), { purpose: "signing-secret", project });
}

/** The first configuration of a project: one signing secret, encrypted. */
export async function firstConfig(keyring: Cipher, project: string): Promise<string> {
  const signing = [{ wrapped: await makeEncryptedSigningSecret(keyring, project) }];
  const config: ProjectConfig = { signing, endpoints: [] };
  return JSON.stringify(config);
}

export interface SigningSecret {
  readonly secret: string;
  /** Milliseconds; absent on the current one. */
  readonly expiresAt?: number;
}

/** Secrets as their receivers need them, of those that sign now, newest first. */
export async function openSecrets(
  keyring: Cipher,
  project: string,
  secrets: readonly EncryptedSecret[],
  now: number,
): Promise<readonly SigningSecret[]> {
  return opened(validSecrets(secrets, now), async ({ wrapped, expiresAt }) => ({
    secret: await keyring.decrypt(wrapped, { purpose: "signing-secret", project }),
    ...(expiresAt !== undefined && { expiresAt }),
  }));
}

/**
 * A new secret in front of those that still sign. The previous one still signs for so many milliseconds; older
 * ones as long as their own rotation promised.
 *
 * @param overlap 0: from now on the new one signs alone
 * @throws ApiError `too-many-secrets` when a secret would have to end before its time
 */
export async function rotated(
  keyring: Cipher,
  project: string,
  secrets: readonly EncryptedSecret[],
  overlap: number,
  now: number,
): Promise<readonly EncryptedSecret[]> {
  const fresh = { wrapped: await makeEncryptedSigningSecret(keyring, project) };
  if (overlap === 0) return [fresh];
  const older = validSecrets(secrets, now).map((one) => ({
    ...one,
    expiresAt: one.expiresAt ?? now + overlap,
  }));
  if (older.length < ENDPOINT_LIMITS.secrets) return [fresh, ...older];
  const next = timestamp(Math.min(...older.map(({ expiresAt }) => expiresAt)));
  throw new ApiError(
    "too-many-secrets",
    `${ENDPOINT_LIMITS.secrets} secrets sign now, the next one until ${next}. An overlap of 0s ends all but the new one.`,
  );
}

/** The secrets and keys that receivers verify events with. */
export interface Verifiers {
  /** Those that sign now, newest first. */
  readonly secrets: readonly SigningSecret[];
  readonly signatures: readonly SignatureKind[];
  readonly ed25519?: KeyPair;
}

/** The secrets and keys that verify the project's callbacks, or one endpoint's events. @throws ApiError */
export async function readVerifiers(
  ctx: SigningParts,
  caller: Client,
  endpointId?: string,
): Promise<Verifiers> {
  const { config, now } = await readConfiguration(ctx, caller, "secrets:read");
  const { secrets, signatures = ["v1"] } =
    endpointId === undefined
      ? { secrets: config.signing, signatures: config.signatures }
      : foundIn(config, endpointId);
  return {
    secrets: await openSecrets(ctx.keyring, caller.project, secrets, now),
    signatures,
    ...(signatures.includes("v1a") && config.ed25519 && { ed25519: config.ed25519 }),
  };
}

/** The same for a key that may change secrets and perhaps not read them; undefined when it may not. @throws ApiError */
export async function verifiersIfAllowed(
  ctx: SigningParts,
  caller: Client,
  endpointId?: string,
): Promise<Verifiers | undefined> {
  try {
    return await readVerifiers(ctx, caller, endpointId);
  } catch (error) {
    if (error instanceof ApiError && error.code === "forbidden") return undefined;
    throw error;
  }
}

/** Gives the project's callbacks a new secret; the old one still signs for so many milliseconds. @throws ApiError */
export async function rotateSigningSecret(
  ctx: SigningParts,
  caller: Client,
  overlap: number,
  idempotency?: Idempotency,
): Promise<boolean> {
  const { replayed } = await configure(
    ctx,
    caller,
    { scope: "secrets:write", idempotency },
    async (config, now) => ({
      config: {
        ...config,
        signing: await rotated(ctx.keyring, caller.project, config.signing, overlap, now),
      },
      id: caller.project,
    }),
  );
  return replayed;
}

/** Chooses how the project's callbacks are signed; the key pair is made when it is first asked for. @throws ApiError */
export async function chooseSignatures(
  ctx: SigningParts,
  caller: Client,
  signatures: readonly SignatureKind[],
): Promise<void> {
  await configure(ctx, caller, { scope: "secrets:write" }, async (config) => ({
    config: { ...(await withKeyPair(ctx.keyring, caller.project, config, signatures)), signatures },
    id: caller.project,
  }));
  forgetPublicKeys(ctx, caller.project);
}
