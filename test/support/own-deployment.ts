import * as z from "zod/mini";
import { createRingback, defineTask, TaskError } from "../../src/index.ts";
import { worker } from "../../src/runtime/workers.ts";

/* A deployer's own files: task types, and the entry that wires them to the runtime. */

/** Succeeds with nothing to say. */
const nothing = defineTask({ type: "own.nothing", input: z.strictObject({}), handler: () => undefined });

/** Gives back what a handler is given. */
const context = defineTask({
  type: "own.context",
  input: z.strictObject({ text: z.string() }),
  handler: ({ input, attempt, idempotencyKey, task }) => ({ input, attempt, idempotencyKey, task }),
});

/** Fails in the way that its input names. */
const failing = defineTask({
  type: "own.failing",
  input: z.strictObject({ how: z.enum(["final", "later", "unexpected", "unjson", "slow"]) }),
  timeout: 1_000,
  retries: 1,
  handler: async ({ input, attempt, signal }) => {
    if (attempt > 1) return { attempt };
    switch (input.how) {
      case "final":
        throw new TaskError("card-declined", "The card was declined.", { retryable: false });
      case "later":
        throw new TaskError("busy", "Come back later.", { retryAfter: 5_000 });
      case "unexpected":
        throw new Error("password=hunter2");
      case "unjson":
        return { big: 1n };
      case "slow":
        await new Promise<void>((done) => signal.addEventListener("abort", () => done(), { once: true }));
        return undefined;
    }
  },
});

/** Says how far it is until the file is there. */
const steps = defineTask({
  type: "own.steps",
  input: z.strictObject({ url: z.url() }),
  urls: (input) => ({ "/url": input.url }),
  handler: async ({ input, progress, fetch }) => {
    progress({ percent: 10, message: "begun" });
    const response = await fetch(input.url);
    progress({ percent: 90, message: "read" });
    return response.text();
  },
});

export default worker(createRingback({ tasks: [nothing, context, failing, steps] }));
