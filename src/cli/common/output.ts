import process from "node:process";

/** Writes the outcome of a command: for `--json` as one line of JSON, else as text for people. */
export function print(json: boolean, document: unknown, text: () => string): void {
  write(json ? JSON.stringify(document) : text());
}

export function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes to the other stream, so that the outcome stays alone on its own. */
export function warn(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Columns of text; the last one is not filled up. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [n, cell] of row.entries()) widths[n] = Math.max(widths[n] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, n) => (n === row.length - 1 ? cell : cell.padEnd(widths[n] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
