import { StorageTooNew } from "../../ports/ports.ts";
import type { Store } from "../../ports/store.ts";

/** What this gateway reads and writes (docs/storage.md, "Versions"). */
const STORAGE_VERSION = 1;

/** How long a version that was read is good for, in milliseconds; from half of it on it is read anew by the way. */
export const VERSION_GOOD_FOR = 300_000;

/** These change nothing and read nothing of a project's. */
const UNCHECKED: ReadonlySet<string> = new Set<keyof Store>(["follow", "version"]);

/**
 * A store that a newer version has not made its own: each method first makes sure of that. What was read is good for
 * five minutes, so that under load nobody waits for it.
 *
 * @throws StorageTooNew from each method while the version in Redis is higher than this gateway's
 */
export function versionedStore(store: Store, clock: () => number): Store {
  let known: { readonly version: number; readonly at: number } | undefined;
  const read = async () => {
    const at = clock();
    known = { version: await store.version(), at };
    return known;
  };
  const check = async (): Promise<void> => {
    const age = known ? clock() - known.at : Number.POSITIVE_INFINITY;
    const isGood = known && known.version <= STORAGE_VERSION && age < VERSION_GOOD_FOR;
    const { version } = isGood && known ? known : await read();
    if (version > STORAGE_VERSION) throw new StorageTooNew(version, STORAGE_VERSION);
    // Whoever cannot read it now reads it when its time is over, and says so then.
    if (isGood && age > VERSION_GOOD_FOR / 2) read().catch(() => undefined);
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
  return Object.fromEntries(checked) as Store; // each method as it was, after the check
}
