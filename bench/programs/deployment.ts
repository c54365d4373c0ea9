import * as z from "zod/mini";
import { createRingback } from "../../src/app.ts";
import { defineTask } from "../../src/task.ts";
import { diagnostics, tasks } from "../../src/task-types/index.ts";

type Options = Parameters<typeof createRingback>[0];

/** The same as `diagnostics.echo`, right after the 202. */
const immediateEcho = defineTask({
  type: "bench.immediate-echo",
  start: "immediate",
  timeout: 25_000,
  input: z.json(),
  handler: ({ input }) => input,
});

/** The gateway with its built-in task types, and one that starts immediately. */
export const deployment = (options: Pick<Options, "send" | "crypto" | "sharesRequests"> = {}) =>
  createRingback({ tasks: [...tasks, immediateEcho], diagnostics, ...options });
