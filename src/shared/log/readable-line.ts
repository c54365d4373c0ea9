import { escapeUnseen, type Level, type RenderLine } from "./log.ts";

const COLOURS: Readonly<Record<Level, number>> = { debug: 90, info: 36, warn: 33, error: 31 };
const BOLD = 1;
const DIM = 2;

/** A value that needs no quotes. */
const PLAIN = /^[^\s"=\\]+$/;

/**
 * Lines for a person at a terminal: time, level and event, then `name=value`. A text of several lines, such as a stack,
 * follows indented. Only the colours are escape sequences: those of a value are shown.
 */
export function readableLine({ colours }: { readonly colours: boolean }): RenderLine {
  const paint = (code: number, text: string) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);
  return ({ time, level, event, ...fields }) => {
    const given = Object.entries(fields).filter(([, value]) => value !== undefined);
    const short = given.filter(([, value]) => !isLong(value));
    const words = short.map(([name, value]) => `${paint(DIM, `${name}=`)}${shown(value)}`);
    const head = [
      paint(DIM, time.slice(11, 23)),
      paint(COLOURS[level], level.toUpperCase().padEnd(5)),
      paint(BOLD, escapeUnseen(event)),
      ...words,
    ];
    const blocks = given.flatMap(([name, value]) => (isLong(value) ? block(paint(DIM, name), value) : []));
    return [head.join(" "), ...blocks].join("\n");
  };
}

function isLong(value: unknown): value is string {
  return typeof value === "string" && value.includes("\n");
}

function block(name: string, text: string): readonly string[] {
  return [`  ${name}:`, ...text.split("\n").map((line) => `    ${escapeUnseen(line)}`)];
}

function shown(value: unknown): string {
  const text = typeof value === "string" && PLAIN.test(value) ? value : JSON.stringify(value);
  return escapeUnseen(text);
}
