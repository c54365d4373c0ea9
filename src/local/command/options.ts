import { parseArgs } from "node:util";

/** One option of a command: `--name`, with a value unless it is a flag. */
export type Option =
  | { readonly kind: "flag"; readonly about: string }
  | {
      readonly kind: "text";
      /** The placeholder for the value in the usage. */
      readonly value: string;
      readonly about: string;
      readonly default?: string;
      readonly required?: true;
      readonly oneOf?: readonly string[];
    }
  | {
      readonly kind: "number";
      readonly value: string;
      readonly about: string;
      readonly least: number;
      readonly whole?: true;
      readonly default?: number;
    };

export interface Command<T extends Readonly<Record<string, Option>>> {
  /** How it is called, such as `npm run key --`. */
  readonly call: string;
  /** Its effect, in one sentence. */
  readonly about: string;
  readonly options: T;
  /** The variables that it reads, by name. */
  readonly variables?: Readonly<Record<string, string>>;
}

type ValueOf<T extends Option> = T extends { kind: "flag" }
  ? boolean
  : T extends { kind: "number" }
    ? T extends { default: number }
      ? number
      : number | undefined
    : T extends { default: string } | { required: true }
      ? string
      : string | undefined;

type ValuesOf<T extends Readonly<Record<string, Option>>> = { readonly [Name in keyof T]: ValueOf<T[Name]> };

/**
 * The values of a command's options. `--help` prints the usage and ends the process with 0; what the command does not
 * know, or a value that is missing or wrong, is named in one line, and ends it with 2.
 */
export function readOptions<const T extends Readonly<Record<string, Option>>>(
  command: Command<T>,
  args: readonly string[] = process.argv.slice(2),
): ValuesOf<T> {
  if (args.includes("--help") || args.includes("-h")) {
    console.log(helpOf(command));
    process.exit(0);
  }
  const read = parse(command.options, args);
  if (typeof read === "string") usageError(command, read);
  return read as ValuesOf<T>; // each was read as its kind says
}

/** Reports in one line the fault of a command's arguments, and the usage; the process ends with 2. */
export function usageError(command: Command<Readonly<Record<string, Option>>>, fault: string): never {
  console.error(`${fault}\n${usageOf(command)}`);
  return process.exit(2);
}

/** The values, or the fault. A given value is never repeated: it may be a secret. */
function parse(
  options: Readonly<Record<string, Option>>,
  args: readonly string[],
): Readonly<Record<string, unknown>> | string {
  const config = Object.entries(options).map(([name, { kind }]) => [
    name,
    { type: kind === "flag" ? "boolean" : "string" } as const,
  ]);
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(config),
    strict: false,
    tokens: true,
  });
  const values: Record<string, unknown> = {};
  for (const token of tokens) {
    if (token.kind !== "option") return "no argument is taken that is not an option";
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (!option) return `unknown option ${token.rawName}`;
    const value = read(option, token.value, token.inlineValue === true);
    if (typeof value === "object") return `${token.rawName} ${value.fault}`;
    values[token.name] = value;
  }
  for (const [name, option] of Object.entries(options)) {
    if (name in values) continue;
    if (option.kind === "text" && option.required) return `--${name} is required`;
    values[name] = option.kind === "flag" ? false : option.default;
  }
  return values;
}

function read(
  option: Option,
  value: string | undefined,
  isInline: boolean,
): string | number | boolean | { readonly fault: string } {
  if (option.kind === "flag") return value === undefined ? true : { fault: "takes no value" };
  // A value that looks like the next option is an option: `--name=-x` gives a value that begins with a hyphen.
  if (value === undefined || value === "" || (value.startsWith("-") && !isInline)) {
    return { fault: `needs a value: ${option.value}` };
  }
  if (option.kind === "text") {
    const { oneOf } = option;
    return oneOf && !oneOf.includes(value) ? { fault: `must be ${oneOf.join(" or ")}` } : value;
  }
  const { least, whole } = option;
  const number = /^\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : Number.NaN;
  const fits = number >= least && (!whole || Number.isSafeInteger(number));
  return fits ? number : { fault: `must be a ${whole ? "whole " : ""}number of at least ${least}` };
}

function usageOf({ call, options }: Command<Readonly<Record<string, Option>>>): string {
  const parts = Object.entries(options).map(([name, option]) => {
    const part = spelled(name, option);
    return option.kind === "text" && option.required ? part : `[${part}]`;
  });
  return ["usage:", call, ...parts].join(" ");
}

function helpOf(command: Command<Readonly<Record<string, Option>>>): string {
  const { about, options, variables = {} } = command;
  const lines = Object.entries(options).map(([name, option]) => {
    const usual = "default" in option && option.default !== undefined ? ` (default ${option.default})` : "";
    return [spelled(name, option), `${option.about}${usual}`] as const;
  });
  return [
    usageOf(command),
    "",
    about,
    ...table("options:", [...lines, ["--help", "this text"]]),
    ...table("variables:", Object.entries(variables)),
  ].join("\n");
}

function table(title: string, rows: readonly (readonly [string, string])[]): readonly string[] {
  if (rows.length === 0) return [];
  const width = Math.max(...rows.map(([name]) => name.length));
  return ["", title, ...rows.map(([name, about]) => `  ${name.padEnd(width)}  ${about}`)];
}

const spelled = (name: string, option: Option): string =>
  option.kind === "flag" ? `--${name}` : `--${name} ${option.value}`;
