import { cutText } from "../json/cut-text.ts";

/** The most characters of an error in a line of the log. */
const LONGEST = 8_000;

/** An unexpected error as the log has it: with its stack, where it has one. Reading it never throws. */
export function errorText(error: unknown): string {
  try {
    if (!(error instanceof Error)) return cutText(String(error), LONGEST);
    // Deno's and V8's stacks begin with name and message; others may not.
    const { stack }: { readonly stack?: unknown } = error; // a handler's own class may have made anything of it
    return cutText(typeof stack === "string" ? stack : `${error.name}: ${error.message}`, LONGEST);
  } catch {
    return "an error that cannot be read"; // its own toString throws
  }
}
