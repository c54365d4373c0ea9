import process from "node:process";
import type { Command } from "commander";
import { type Report, reportOf } from "./failure.ts";
import type { CommonOptions } from "./session.ts";

/** The work of a command. It gives the exit code. */
type Work<Options> = (
  options: Options & CommonOptions,
  ...args: readonly (string | undefined)[]
) => Promise<number>;

/** Makes the action of a command: it runs the work, and reports its failure. */
export type Run = <Options = object>(
  work: Work<Options>,
  wants?: "key" | "admin",
) => (...given: unknown[]) => Promise<void>;

/** @param end takes the exit code, and the report of a failure */
export function runWith(end: (code: number, report?: Report) => void): Run {
  return (work, wants) =>
    async (...given) => {
      // Commander gives the arguments, then the options, then the command itself.
      const command = given.at(-1) as Command;
      const args = given.slice(0, -2) as (string | undefined)[];
      const options = command.optsWithGlobals() as Parameters<typeof work>[0];
      try {
        end(await work(options, ...args));
      } catch (error) {
        const report = reportOf(error, wants);
        const { text, document, code } = report;
        process.stderr.write(`${options.json ? JSON.stringify(document) : text}\n`);
        end(code);
      }
    };
}
