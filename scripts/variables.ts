import { CommandFailure } from "../src/local/command/failure.ts";

/**
 * The http(s) address that a variable holds, without slashes at its end.
 *
 * @param usual what it is where the variable is not set; without it the variable is required
 * @throws CommandFailure that names the variable
 */
export function addressIn(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  usual?: string,
): string {
  const address = env[name] || usual;
  if (address === undefined) throw new CommandFailure(`${name} is required`);
  const url = URL.parse(address);
  if (!url || !/^https?:$/.test(url.protocol) || /[?#]/.test(address) || url.username + url.password !== "") {
    throw new CommandFailure(`${name} must be an http(s) address without user, query and fragment`);
  }
  return address.replace(/\/+$/, "");
}

/**
 * The token that a variable holds.
 *
 * @param usual what it is where the variable is not set; without it the variable is required
 * @throws CommandFailure that names the variable
 */
export function tokenIn(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  usual?: string,
): string {
  const token = env[name] || usual;
  if (token === undefined) throw new CommandFailure(`${name} is required`);
  if (/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(token)) return token;
  throw new CommandFailure(`${name} must be one line of ASCII without white space around it`);
}
