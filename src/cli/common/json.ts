import { readFile } from "node:fs/promises";
import process from "node:process";
import { text as readAll } from "node:stream/consumers";
import { failureLine } from "../../local/command/failure.ts";
import { UsageError } from "./failure.ts";

/** Node has it since version 21; the compiler's library does not. */
const { rawJSON } = JSON as typeof JSON & { readonly rawJSON: (text: string) => unknown };
type Reviver = (
  this: unknown,
  name: string,
  value: unknown,
  context?: { readonly source?: string },
) => unknown;

/** Keeps a number that a double would change as it was written, so that the gateway judges it. */
const asWritten: Reviver = (_name, value, context) =>
  typeof value === "number" && context?.source !== undefined && `${value}` !== context.source
    ? rawJSON(context.source)
    : value;

/**
 * The JSON of an argument: itself, `@file`, or `-` for the standard input.
 *
 * @throws UsageError
 */
export async function readJson(argument: string): Promise<unknown> {
  const text = await textOf(argument);
  try {
    return JSON.parse(text, asWritten);
  } catch (error) {
    const place = argument === "-" || argument.startsWith("@") ? argument : "the argument";
    throw new UsageError(
      `${place} is not JSON: ${failureLine(error)}. In a shell, quote it: '{"name": "value"}'`,
      {
        cause: error,
      },
    );
  }
}

async function textOf(argument: string): Promise<string> {
  if (argument === "-") return await readAll(process.stdin);
  if (!argument.startsWith("@")) return argument;
  try {
    return await readFile(argument.slice(1), "utf8");
  } catch (error) {
    throw new UsageError(`${argument.slice(1)} cannot be read: ${failureLine(error)}`, { cause: error });
  }
}

/** JSON for people; text that is no JSON as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text, asWritten), null, 2);
  } catch {
    return text; // it is not JSON
  }
}
