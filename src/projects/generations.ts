import type { Dependencies } from "../ports/dependencies.ts";
import { Undecryptable } from "../ports/errors.ts";
import type { ApiKeyProof, Cipher, MasterSecrets } from "../ports/keyring.ts";
import type { RotationStore } from "../ports/stores/project-store.ts";
import type { Settings } from "../shared/settings.ts";

/** The parts that keep the generations of the master secret. */
export interface GenerationParts {
  readonly store: Pick<RotationStore, "generations">;
  readonly keyring: Cipher & MasterSecrets;
}

/** How often an isolate asks again for an unknown generation of the master secret. */
const REREAD = 60_000;

/** A field next to the generations. It means that every generation that ever made an API key is listed. */
const COMPLETE = "complete";

const bindingOf = (generation: string) => ({ purpose: "generation", project: generation }) as const;

/**
 * The proof of API keys whose generation is not configured. Redis is asked when such a key comes, at most once a
 * minute and isolate, however many come; a failure is not cached.
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
    // Where the list may lack a generation, only Redis can distinguish a key of it from a forged one.
    if (encrypted === undefined) return { kind: kept[COMPLETE] === undefined ? "none" : "refused" };
    try {
      return { kind: "mac", key: await keyring.decrypt(encrypted, bindingOf(generation)) };
    } catch (error) {
      if (error instanceof Undecryptable) return { kind: "none" };
      throw error;
    }
  };
}

/** By deployment, which its settings stand for: each request has a store of its own. */
const shared = new WeakMap<Settings, ReturnType<typeof createRetiredGenerations>>();

/** The one of this deployment, so that an isolate asks Redis once a minute on every way that an API key can come. */
export function retiredGenerationsOf(deps: GenerationParts & Pick<Dependencies, "clock" | "settings">) {
  const retired = shared.get(deps.settings) ?? createRetiredGenerations(deps);
  shared.set(deps.settings, retired);
  return retired;
}

/**
 * Keeps the proof of the API keys of the configured generations, and re-encrypts the entries of the previous master
 * secret: they stay when the secret goes.
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
