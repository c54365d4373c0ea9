import type { Log } from "../ports/ports.ts";

/** One line of JSON per event: what Workers Logs and Deno Deploy index. */
export const log: Log = (level, event, fields = {}) => {
  // biome-ignore lint/suspicious/noConsole: the runtimes collect what is written to the console
  console[level](JSON.stringify({ level, event, ...fields }));
};
