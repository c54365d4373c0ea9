import { createRingback } from "../../src/app.ts";
import { diagnostics, tasks } from "../../src/task-types/index.ts";

type Options = Parameters<typeof createRingback>[0];

/** The gateway with its built-in task types. */
export const deployment = (options: Pick<Options, "send"> = {}) =>
  createRingback({ tasks, diagnostics, ...options });
