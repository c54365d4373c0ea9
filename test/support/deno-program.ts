import { join } from "node:path";
import { root } from "./process.ts";

/**
 * The command that runs a program of the tests on Deno, from the top of the project.
 *
 * @param file path of its module, from the top of the project
 * @param args what it finds in `Deno.args`
 * @param permissions Deno's flags for them; those of a gateway unless given
 */
export function denoProgram(
  file: string,
  args: readonly string[],
  permissions: readonly string[] = ["--allow-net", "--allow-env", "--allow-read=."],
) {
  const offline = ["--node-modules-dir=manual", "--no-lock", "--cached-only"];
  return {
    command: join(root, "node_modules/.bin/deno"),
    args: ["run", "--quiet", "--no-prompt", ...permissions, ...offline, file, ...args],
  };
}
