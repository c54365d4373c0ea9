import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { parseEnv } from "node:util";

/** The files in which a project keeps its variables; the first one that has a variable counts. */
export const VARIABLE_FILES = [".dev.vars", ".env.local", ".env"] as const;

/** Variables of the command line that a gateway does not have, and would warn about. */
const CALLER: ReadonlySet<string> = new Set(["RINGBACK_URL", "RINGBACK_API_KEY"]);

/**
 * The variables that the texts of such files name. One that the shell has too has the value of the shell.
 *
 * @param texts in the order of {@link VARIABLE_FILES}
 */
export function ownVariables(
  texts: readonly string[],
  shell: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const text of texts) {
    for (const [name, value = ""] of Object.entries(parseEnv(text))) {
      if (!CALLER.has(name)) found[name] ??= shell[name] ?? value;
    }
  }
  return found;
}

/** Reads the variables of the project in this folder; the stand-ins and the gateway find them in the environment, too. */
export function readOwnVariables(): Readonly<Record<string, string>> {
  const texts = VARIABLE_FILES.filter((file) => existsSync(file)).map((file) => readFileSync(file, "utf8"));
  const own = ownVariables(texts, process.env);
  Object.assign(process.env, own);
  for (const name of CALLER) delete process.env[name];
  return own;
}
