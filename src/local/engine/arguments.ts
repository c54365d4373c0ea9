import { type Bytes, CommandError } from "./keyspace.ts";

export const syntaxError = () => new CommandError("ERR syntax error");
const NOT_AN_INTEGER = "ERR value is not an integer or out of range";
const NOT_A_FLOAT = "ERR value is not a valid float";

/** An argument that the table of arities promises to be there. */
export function argument(args: readonly Bytes[], index: number): Bytes {
  const value = args[index];
  if (value === undefined) throw syntaxError();
  return value;
}

/** A whole number, exact up to 2^53 (Redis: 2^63); otherwise the command fails with `refusal`. */
export function integer(text: Bytes, refusal = NOT_AN_INTEGER): number {
  const value = /^(0|-?[1-9]\d*)$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new CommandError(refusal);
  return value;
}

/** A sum that must stay exact. */
export function exact(value: number): number {
  if (!Number.isSafeInteger(value)) throw new CommandError("ERR increment or decrement would overflow");
  return value;
}

/** A number, `inf` and `-inf` among them; otherwise the command fails with `refusal`. */
export function float(text: Bytes, refusal = NOT_A_FLOAT): number {
  const infinite = /^([+-]?)inf(inity)?$/i.exec(text);
  if (infinite) return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const value = text === "" || /\s|^[+-]?0x/i.test(text) ? Number.NaN : Number(text);
  if (Number.isNaN(value)) throw new CommandError(refusal);
  return value;
}

/** A number as Redis prints scores: whole numbers without a fraction, `inf` and `-inf`. */
export function printFloat(value: number): Bytes {
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}

/** A Redis glob (`*`, `?`, `[a-c]`, `[^x]`, `\`) as a test over bytes. */
export function glob(pattern: Bytes): (text: Bytes) => boolean {
  const source = pattern.replace(/\\[\s\S]|\*|\?|\[\^?(?:\\[\s\S]|[^\]])*\]|[\s\S]/g, (token) => {
    if (token === "*") return "[\\s\\S]*";
    if (token === "?") return "[\\s\\S]";
    if (token.length > 2 && token.startsWith("["))
      return token.replace(/[[&~]/g, (c, i) => (i === 0 ? c : `\\${c}`));
    const literal = token.length === 2 ? token.slice(1) : token;
    return literal.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  });
  const expression = new RegExp(`^${source}$`);
  return (text) => expression.test(text);
}

/** Splits `a 1 b 2` into pairs. */
export function pairs(args: readonly Bytes[], command: string): [Bytes, Bytes][] {
  if (args.length === 0 || args.length % 2 !== 0) throw wrongArity(command);
  const found: [Bytes, Bytes][] = [];
  for (let i = 0; i < args.length; i += 2) found.push([argument(args, i), argument(args, i + 1)]);
  return found;
}

export const wrongArity = (command: string) =>
  new CommandError(`ERR wrong number of arguments for '${command}' command`);
