import * as z from "zod/mini";
import { readableLine } from "../../shared/log/readable-line.ts";

const Line = z.looseObject({
  time: z.string(),
  level: z.enum(["debug", "info", "warn", "error"]),
  event: z.string(),
});

/**
 * How a terminal shows what the gateway has written: the Worker itself cannot see where its lines go. Text that is no
 * line of the log stays as it is.
 */
export function forTerminal(isTerminal: boolean, noColor: string | undefined): (text: string) => string {
  if (!isTerminal) return (text) => text;
  const render = readableLine({ colours: !noColor });
  return (text) => {
    const line = Line.safeParse(jsonOf(text));
    return line.success ? render(line.data) : text;
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
