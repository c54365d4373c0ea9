import * as z from "zod/mini";
import { defineTask } from "../task.ts";

/** Returns its input: the shortest way through everything else. */
export const echo = defineTask({
  type: "diagnostics.echo",
  summary: "Return the input.",
  input: z.json(),
  result: z.json(),
  handler: ({ input }) => input,
});
