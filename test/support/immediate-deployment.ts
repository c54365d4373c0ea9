import * as z from "zod/mini";
import { createRingback, defineTask, TaskError, wait } from "../../src/index.ts";
import { worker } from "../../src/runtime/workers.ts";

/* A deployment whose task types start immediately. */

const start = { start: "immediate", timeout: 25_000 } as const;

/** Says which attempt it is, after that many milliseconds; `failures` attempts fail. */
const quick = defineTask({
  ...start,
  type: "immediate.quick",
  input: z.strictObject({ sleepMs: z.optional(z.int()), failures: z.optional(z.int()) }),
  async handler({ input: { sleepMs = 0, failures = 0 }, attempt, task, progress }) {
    if (sleepMs > 0) {
      progress({ percent: 50, message: "half" });
      await new Promise((resolve) => setTimeout(resolve, sleepMs));
    }
    if (attempt <= failures) throw new TaskError("busy", "Come later.", { retryAfter: 1 });
    return { attempt, run: task.run };
  },
});

/** Keeps the processor busy: nothing else in its thread goes on meanwhile. */
const busy = defineTask({
  ...start,
  type: "immediate.busy",
  input: z.strictObject({ rounds: z.int() }),
  handler: ({ input }) => {
    let sum = 0;
    for (let round = 0; round < input.rounds; round++) sum = (sum * 31 + round) % 1_000_003;
    return sum;
  },
});

/** Calls an address again and again until its signal aborts. */
const ticking = defineTask({
  ...start,
  type: "immediate.ticking",
  input: z.strictObject({ url: z.url() }),
  async handler({ input, signal }) {
    while (!signal.aborted) {
      await fetch(input.url, { method: "POST" });
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  },
});

/** Gives its token to an address, which finishes it. */
const handedOn = defineTask({
  ...start,
  type: "immediate.handed-on",
  input: z.strictObject({ url: z.url() }),
  async handler({ input, token, completionUrl }) {
    await fetch(input.url, { method: "POST", body: JSON.stringify({ token, completionUrl }) });
    return wait();
  },
});

/** Its result is what an address answers. */
const asking = defineTask({
  ...start,
  type: "immediate.asking",
  input: z.strictObject({ url: z.url() }),
  handler: async ({ input, attempt, signal }) => {
    const answer = await fetch(input.url, { signal });
    return { attempt, text: await answer.text() };
  },
});

export default worker(createRingback({ tasks: [quick, busy, ticking, handedOn, asking] }));
