import * as z from "zod/mini";
import { defineTask, TaskError } from "../task.ts";

/** Fails its first attempts with a retryable error, then succeeds: for seeing how retries go. */
export const flaky = defineTask({
  type: "diagnostics.flaky",
  summary: "Fail the first attempts, then succeed.",
  input: z.strictObject({
    failures: z.int().check(z.gte(0), z.lte(1_000)),
    /** Before each attempt's end, in milliseconds. */
    sleepMs: z.optional(z.int().check(z.gte(0), z.lte(600_000))),
    payload: z.optional(z.json()),
  }),
  result: z.object({ attempt: z.int(), payload: z.exactOptional(z.json()) }),
  timeout: 10 * 60_000,
  async handler({ input, attempt, signal }) {
    if (input.sleepMs !== undefined) await sleep(input.sleepMs, signal);
    if (attempt <= input.failures) {
      throw new TaskError("flaky", `Attempt ${attempt} of ${input.failures} that fail.`, { retryable: true });
    }
    return { attempt, ...(input.payload !== undefined && { payload: input.payload }) };
  },
});

/** @throws the signal's reason as soon as it aborts */
async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", abort, { once: true });
  });
}
