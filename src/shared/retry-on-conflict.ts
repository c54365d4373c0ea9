/** How often an optimistic change is tried: each time from the current state. */
export const CONFLICT_TRIES = 5;

/** The return value of an attempt whose basis another caller has changed. */
export const CONFLICT = Symbol("conflict");

/**
 * Tries an optimistic change until no other caller is faster.
 *
 * @param exhausted gives the outcome, or throws, when every try met a conflict
 */
export async function retryOnConflict<Value>(
  attempt: () => Promise<Value | typeof CONFLICT>,
  exhausted: () => Value,
  tries = CONFLICT_TRIES,
): Promise<Value> {
  for (let tried = 0; tried < tries; tried++) {
    const outcome = await attempt();
    if (outcome !== CONFLICT) return outcome;
  }
  return exhausted();
}
