/**
 * Redis time between two scripts: what the last one answered, plus what has elapsed here since.
 *
 * @param now what the script answered, milliseconds
 * @param clock the edge's own clock, whose absolute value may be wrong
 */
export function redisTime(now: number, clock: () => number): () => number {
  const answered = clock();
  return () => now + (clock() - answered);
}
