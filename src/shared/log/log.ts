/** The settings of `RINGBACK_LOG_LEVEL`, from the most lines to none. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "off"] as const;

/** The least level that is written; `off` writes nothing. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** How urgent a line is. */
export type Level = Exclude<LogLevel, "off">;

export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one structured line; never given secrets, inputs or results. */
export type Log = (level: Level, event: string, fields?: LogFields) => void;

/** One line before it is text. */
export interface LogLine extends LogFields {
  /** ISO 8601, by the clock of this process. */
  readonly time: string;
  readonly level: Level;
  readonly event: string;
}

/** Turns a line into the text that the console gets. */
export type RenderLine = (line: LogLine) => string;

const RANK = { debug: 0, info: 1, warn: 2, error: 3, off: 4 } as const satisfies Record<LogLevel, number>;

/** Characters that a terminal or a viewer obeys in place of showing them, and those that end a line for some. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The text with every control, format and line-ending character as `\uXXXX`. */
export function escapeUnseen(text: string): string {
  return text.replace(UNSEEN, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}

/** One line of JSON: what Workers Logs and Deno Deploy index. */
export const jsonLine: RenderLine = (line) => escapeUnseen(JSON.stringify(line));

/** The log of a deployment: lines below the least level cost nothing. */
export function createLog(least: LogLevel, render: RenderLine = jsonLine): Log {
  return (level, event, fields) => {
    if (RANK[level] < RANK[least]) return;
    // biome-ignore lint/suspicious/noConsole: the runtimes collect what is written to the console
    console[level](render({ time: new Date().toISOString(), level, event, ...fields }));
  };
}

/** A log whose lines all carry these fields, after their own. */
export function withFields(write: Log, common: LogFields): Log {
  return (level, event, fields) => write(level, event, { ...fields, ...common });
}
