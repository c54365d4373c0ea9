import { Refusal } from "../domain/problems.ts";
import type { Caller } from "./caller.ts";
import { denied } from "./denied.ts";
import type { Invocation, Keyring } from "./parts.ts";
import { type ProjectConfig, parseConfig, type SealedSecret, validSecrets } from "./project-config.ts";

/** `whsec_` and 32 random bytes in standard base64, as the Standard Webhooks libraries read it. */
export function makeSigningSecret(): string {
  return `whsec_${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))}`;
}

/** The first configuration of a project: one signing secret, encrypted. */
export async function firstConfig(keyring: Keyring): Promise<string> {
  const signing = [{ wrapped: await keyring.wrap(makeSigningSecret()) }];
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
  keyring: Keyring,
  secrets: readonly SealedSecret[],
  now: number,
): Promise<readonly SigningSecret[]> {
  return Promise.all(
    validSecrets(secrets, now).map(async ({ wrapped, expiresAt }) => ({
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
  const [current, ...previous] = await openSecrets(
    inv.keyring,
    parseConfig(answer.config).signing,
    answer.now,
  );
  if (!current) throw new Refusal("not-found", "This project has no signing secret.");
  return {
    secret: current.secret,
    previous: previous.map(({ secret, expiresAt }) => ({ secret, expiresAt: expiresAt ?? answer.now })),
  };
}
