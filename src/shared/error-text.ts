/** An unexpected error as the log has it: with its stack, where it has one. Reading it never throws. */
export function errorText(error: unknown): string {
  try {
    if (!(error instanceof Error)) return String(error);
    // Deno's and V8's stacks begin with name and message; others may not.
    return error.stack ?? `${error.name}: ${error.message}`;
  } catch {
    return "an error that cannot be read"; // its own toString throws
  }
}
