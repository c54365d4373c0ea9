/** Writes one structured line; never given secrets, inputs or results. */
export type Log = (
  level: "info" | "warn" | "error",
  event: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

/** One line of JSON per event: what Workers Logs and Deno Deploy index. */
export const log: Log = (level, event, fields = {}) => {
  // biome-ignore lint/suspicious/noConsole: the runtimes collect what is written to the console
  console[level](JSON.stringify({ level, event, ...fields }));
};
