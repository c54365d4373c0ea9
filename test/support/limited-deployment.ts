import * as z from "zod/mini";
import { createRingback, defineTask } from "../../src/index.ts";
import { worker } from "../../src/runtime/workers.ts";

/* A deployment whose task types are limited. */

const input = z.strictObject({ sleepMs: z.int() });

async function sleep(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Two at a time. */
const narrow = defineTask({
  type: "limited.narrow",
  input,
  concurrency: 2,
  handler: ({ input: { sleepMs } }) => sleep(sleepMs),
});

/** Three within two seconds. */
const paced = defineTask({
  type: "limited.paced",
  input,
  rate: { limit: 3, period: 2_000 },
  handler: ({ input: { sleepMs } }) => sleep(sleepMs),
});

/** Limited by its project alone. */
const free = defineTask({
  type: "limited.free",
  input,
  handler: ({ input: { sleepMs } }) => sleep(sleepMs),
});

export default worker(createRingback({ tasks: [narrow, paced, free] }));
