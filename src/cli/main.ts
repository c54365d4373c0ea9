import process from "node:process";
import { CommanderError } from "commander";
import { EXIT, reportOf, UsageError } from "./common/failure.ts";
import { checkNode } from "./common/node-version.ts";
import { createProgram } from "./program.ts";

// A reader that has read enough, such as `head`, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) =>
  process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.failed),
);

let code: number = EXIT.ok;
/** A wrong call ends before its options are read. */
const json = process.argv.includes("--json");
try {
  checkNode();
  await createProgram((given) => {
    code = given;
  }, json).parseAsync();
} catch (error) {
  code = reportCall(error);
}
// The connections that are kept open would hold the process; its output must be out first.
process.stdout.write("", () => process.exit(code));

/** Reports a call that no command carried out. Commander has written the usage or the help; to ask for help is no mistake. */
function reportCall(error: unknown): number {
  const isCommander = error instanceof CommanderError;
  if (!isCommander && !(error instanceof UsageError)) throw error;
  if (isCommander && error.exitCode === 0) return EXIT.ok;
  const detail = isCommander && error.code === "commander.help" ? "a command is missing" : error.message;
  const { text, document } = reportOf(new UsageError(detail));
  if (json || !isCommander) process.stderr.write(`${json ? JSON.stringify(document) : text}\n`);
  return EXIT.usage;
}
