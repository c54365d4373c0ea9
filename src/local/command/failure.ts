/**
 * An expected failure of a command. Its message is one line that says what is wrong, without a secret or a whole value.
 */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
}

/** A failure in one line: its message, and the code of a refused connection. */
export function failureLine(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.replace(/\s*[\r\n]+\s*/g, " ").trim();
}

/** The code of a system error, also where fetch holds it as a cause; else the error's name. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "error";
  if ("code" in error && typeof error.code === "string") return error.code;
  return error.cause === undefined ? error.name : codeOf(error.cause);
}

/** Runs a command. A failure is one line and the exit code 1. */
export async function runCommand(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error(failureLine(error));
    process.exit(1);
  }
}
