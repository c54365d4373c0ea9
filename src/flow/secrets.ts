import { Refusal } from "../domain/problems.ts";
import type { Caller, StoredConfig } from "./caller.ts";
import { denied } from "./denied.ts";
import type { Invocation, Keyring } from "./parts.ts";

/** A project's configuration, the JSON under its version. */
interface ProjectConfig {
  /** Signing secrets for `callbackUrl`, newest first; an older one signs along until it expires. */
  readonly signing: readonly { readonly wrapped: string; readonly expiresAt?: number }[];
}

/** `whsec_` and 32 random bytes in standard base64, as the Standard Webhooks libraries read it. */
export function makeSigningSecret(): string {
  return `whsec_${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))}`;
}

/** The first configuration of a project: one signing secret, encrypted. */
export async function firstConfig(keyring: Keyring): Promise<string> {
  const config: ProjectConfig = { signing: [{ wrapped: await keyring.wrap(makeSigningSecret()) }] };
  return JSON.stringify(config);
}

export interface SigningSecret {
  readonly secret: string;
  /** Milliseconds; absent on the current one. */
  readonly expiresAt?: number;
}

/** The secrets that sign now, newest first. */
export async function signingSecrets(
  keyring: Keyring,
  stored: StoredConfig,
  now: number,
): Promise<readonly SigningSecret[]> {
  const config: Partial<ProjectConfig> = JSON.parse(stored.json);
  const valid = (config.signing ?? []).filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
  return Promise.all(
    valid.map(async ({ wrapped, expiresAt }) => ({
      secret: await keyring.unwrap(wrapped),
      ...(expiresAt !== undefined && { expiresAt }),
    })),
  );
}

/** The project's signing secret, for receivers of its callbacks. @throws Refusal */
export async function readSigningSecret(inv: Invocation, caller: Caller) {
  const answer = await inv.store.readConfig(caller, "secrets:read");
  if (answer.kind === "missing") throw new Refusal("not-found", "This project has no signing secret.");
  if (answer.kind !== "found") throw denied(answer, "secrets:read");
  const [current, ...previous] = await signingSecrets(inv.keyring, answer.config, answer.now);
  if (!current) throw new Refusal("not-found", "This project has no signing secret.");
  return {
    secret: current.secret,
    previous: previous.map(({ secret, expiresAt }) => ({ secret, expiresAt: expiresAt ?? answer.now })),
  };
}
