import * as z from "zod/mini";
import { type AnyTask, defineTask } from "../../src/task.ts";

/* Handlers that leave something behind which nobody waits for; in the place of src/task-types/index.ts. */

const input = z.strictObject({ url: z.exactOptional(z.url()) });

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** A rejection that nobody awaits. */
const rejection = defineTask({
  type: "stray.rejection",
  input,
  handler: async () => {
    void Promise.reject(new Error("nobody awaits it"));
    await pause(200);
  },
});

/** A throw in a timer. */
const timer = defineTask({
  type: "stray.timer",
  input,
  handler: async () => {
    setTimeout(() => {
      throw new Error("thrown in a timer");
    }, 50);
    await pause(200);
  },
});

/** A fetch that is still under way when the handler returns: the end of the attempt aborts it. */
const unawaited = defineTask({
  type: "stray.fetch",
  input,
  urls: ({ url }) => (url === undefined ? {} : { "/url": url }),
  handler: async ({ input: { url = "" }, fetch }) => {
    void fetch(url);
    await pause(200);
  },
});

/** One that does nothing of the kind, and takes a while. */
const steady = defineTask({
  type: "stray.steady",
  input,
  handler: async () => {
    await pause(4_000);
    return "done";
  },
});

export const tasks: readonly AnyTask[] = [rejection, timer, unawaited, steady];

export const diagnostics: readonly AnyTask[] = [];
