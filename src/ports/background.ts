/** Continues after the answer: `waitUntil` on Workers, a tracked promise on Deno. */
export interface Background {
  waitUntil(work: Promise<unknown>): void;
}
