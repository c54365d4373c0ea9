import type { Dependencies } from "../ports/dependencies.ts";
import { Undecryptable } from "../ports/errors.ts";
import type { ApiKeyProof, Cipher, MasterSecrets } from "../ports/keyring.ts";
import type { RotationStore } from "../ports/project-store.ts";

/** The parts that keep the generations of the master secret. */
export interface GenerationParts {
  readonly store: Pick<RotationStore, "generations">;
  readonly keyring: Cipher & MasterSecrets;
}

/** How often an isolate asks again whether a generation of the master secret has come that it does not know. */
const REREAD = 60_000;

/** A field beside the generations: every one of them that has ever made an API key is there. */
const COMPLETE = "complete";

const bindingOf = (generation: string) => ({ purpose: "generation", project: generation }) as const;

/**
 * What proves API keys of generations that are not configured. Redis is asked when such a key comes, at most once a
 * minute and isolate, however many come; where it fails, nothing is remembered.
 */
export function createRetiredGenerations({
  keyring,
  store,
  clock,
}: GenerationParts & Pick<Dependencies, "clock">) {
  let known: { readonly at: number; readonly kept: Readonly<Record<string, string>> } | undefined;
  const find = async (generation: string) => {
    if (!known || (known.kept[generation] === undefined && clock() - known.at >= REREAD)) {
      const at = clock();
      known = { at, kept: await store.generations() };
    }
    return known.kept;
  };
  return async (generation: string): Promise<ApiKeyProof> => {
    const kept = await find(generation);
    const encrypted = kept[generation];
    // Where the list may lack a generation, only Redis can tell a key of it from a made-up one.
    if (encrypted === undefined) return { kind: kept[COMPLETE] === undefined ? "none" : "refused" };
    try {
      return { kind: "mac", key: await keyring.decrypt(encrypted, bindingOf(generation)) };
    } catch (error) {
      if (error instanceof Undecryptable) return { kind: "none" };
      throw error;
    }
  };
}

/**
 * Keeps what proves the API keys of the configured generations, and encrypts anew what the previous master secret has
 * encrypted: it stays when the secret goes.
 */
export async function keepGenerations({ keyring, store }: GenerationParts): Promise<void> {
  const kept = await store.generations();
  const changes: Record<string, string> = {};
  for (const { id, apiKeys } of await keyring.generations()) {
    if (kept[id] === undefined) changes[id] = await keyring.encrypt(apiKeys, bindingOf(id));
  }
  for (const [id, encrypted] of Object.entries(kept)) {
    if (id === COMPLETE || (await keyring.generationOf(encrypted)) !== "previous") continue;
    const binding = bindingOf(id);
    changes[id] = await keyring.encrypt(await keyring.decrypt(encrypted, binding), binding);
  }
  if (Object.keys(changes).length > 0) await store.generations(changes);
}
