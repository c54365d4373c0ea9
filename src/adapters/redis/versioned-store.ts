import type { StoredForm } from "../../ports/commands/config.ts";
import { StorageTooNew } from "../../ports/errors.ts";
import type { Store } from "../../ports/store.ts";
import type { VersionStore } from "../../ports/stores/operation-store.ts";
import { STORAGE_VERSION } from "../../shared/limits.ts";

/** Milliseconds for which a version that was read counts; after half of them it is read again in the background. */
export const VERSION_GOOD_FOR = 300_000;

/** These change nothing and read nothing of a project's. */
const UNCHECKED: ReadonlySet<string> = new Set<keyof Store>(["follow", "version"]);

/** Says in which form texts are to be encrypted. */
export interface EncryptedForm {
  /** Whether they are bound to purpose and project. @throws StorageTooNew as each method does */
  encryptsBound(): Promise<boolean>;
}

/**
 * A store whose methods first check that the stored data does not belong to a newer version. A version that was read
 * counts for five minutes, so that no request waits for it under load.
 *
 * @throws StorageTooNew from each method while the version in Redis is higher than this gateway's
 */
export function versionedStore<Methods extends VersionStore>(
  store: Methods,
  clock: () => number,
): Methods & EncryptedForm {
  let known: (StoredForm & { readonly at: number }) | undefined;
  const read = async () => {
    const at = clock();
    known = { ...(await store.version()), at };
    return known;
  };
  const check = async (): Promise<StoredForm> => {
    const age = known ? clock() - known.at : Number.POSITIVE_INFINITY;
    const isGood = known && known.version <= STORAGE_VERSION && age < VERSION_GOOD_FOR;
    const form = isGood && known ? known : await read();
    if (form.version > STORAGE_VERSION) throw new StorageTooNew(form.version, STORAGE_VERSION);
    // A failure is reported when the version is over and must be read.
    if (isGood && age > VERSION_GOOD_FOR / 2) read().catch(() => undefined);
    return form;
  };
  const checked = Object.entries(store).map(([name, method]: [string, (...args: unknown[]) => unknown]) => {
    if (UNCHECKED.has(name)) return [name, method];
    return [
      name,
      async (...args: unknown[]) => {
        await check();
        return method(...args);
      },
    ];
  });
  const methods = Object.fromEntries(checked) as Methods; // each method as it was, after the check
  return { ...methods, encryptsBound: async () => (await check()).bound };
}
