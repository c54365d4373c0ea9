/** How often an optimistic change is tried: each time it is made from what is there now. */
export const CONFLICT_TRIES = 5;

/** What an attempt returns when somebody else has changed what it was made from. */
export const CONFLICT = Symbol("conflict");

/**
 * Tries an optimistic change until nobody else is faster.
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
