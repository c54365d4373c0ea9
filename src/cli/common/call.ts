import process from "node:process";

/**
 * How the command line is called from where it was started, so that the commands that it names can be pasted: by npx in
 * a project, by `npm run` in the source, or by its name when it is installed for the whole machine.
 *
 * https://docs.npmjs.com/cli/v11/using-npm/scripts#environment
 */
export function callIn(env: Readonly<Record<string, string | undefined>>): string {
  if (env["npm_lifecycle_event"] === "ringback") return "npm run -s ringback --";
  return env["npm_command"] === undefined ? "ringback" : "npx ringback";
}

export const CALL: string = callIn(process.env);
