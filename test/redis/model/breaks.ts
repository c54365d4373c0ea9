import type { FaultPoint } from "../../../src/shared/fault-point.ts";

/** Deliberate breaks of the scripts, which the model must notice. */
export const MODEL_BREAKS: readonly { readonly point: FaultPoint; readonly what: string }[] = [
  { point: "batch-counts-twice", what: "a batch counts the end of a replay, too" },
  { point: "parked-unlisted", what: "a task that a pause holds is not listed: no resume starts it" },
  { point: "bulk-ends-the-first", what: "a bulk cancel ends the first task of a page for each of them" },
];
