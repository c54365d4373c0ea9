import { expect, inject, test } from "vitest";
import { fuzzStack } from "../fuzz/stack.ts";

/** Always the same requests; `npm run fuzz` sends others, and more of them. */
const SEED = 7;
const REQUESTS = 1_500;

// It has a stack for itself: what it sends leaves thousands of tasks behind.
test(`${REQUESTS} requests, right and broken: every answer is as the document says, and nobody else's data changes`, {
  timeout: 240_000,
}, async () => {
  const { runtime, redisKind } = inject("stack");
  const { sent, operations, findings, disturbed, errors } = await fuzzStack(
    runtime,
    redisKind,
    SEED,
    REQUESTS,
  );
  expect(findings).toEqual([]);
  expect(disturbed).toEqual([]);
  expect(errors).toEqual([]);
  expect(sent).toBe(REQUESTS);
  // The refusals must not be all there is: most operations did what they are for.
  const done = Object.values(operations).filter((statuses) =>
    Object.keys(statuses).some((status) => /^[23]/.test(status)),
  );
  expect(done.length / Object.keys(operations).length).toBeGreaterThan(0.9);
});
