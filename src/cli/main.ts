import process from "node:process";
import { CommanderError } from "commander";
import { EXIT } from "./common/failure.ts";
import { createProgram } from "./program.ts";

// A reader that has read enough, such as `head`, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) =>
  process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.failed),
);

let code: number = EXIT.ok;
try {
  await createProgram((given) => {
    code = given;
  }).parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // It has written the usage or the help; asking for help is no mistake.
  code = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}
// The connections that are kept open would hold the process; its output must be out first.
process.stdout.write("", () => process.exit(code));
