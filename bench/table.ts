import type { Sample } from "./sample.ts";

export interface Row {
  readonly runtime: string;
  readonly contender: string;
  readonly sample: Sample;
  /** The sample to compare with; absent for the floor itself. */
  readonly floor?: Sample;
}

/** Rows as a Markdown table; a ratio is gateway / floor, so more is better for throughput and worse for time. */
export function table(unit: string, rows: readonly Row[]): string {
  const cells = [
    ["runtime", "", `${unit}/s`, "p50 ms", "p99 ms", "throughput ÷ floor", "p50 ÷ floor", "p99 ÷ floor"],
    ...rows.map(({ runtime, contender, sample, floor }) => [
      runtime,
      contender,
      sample.throughput.toFixed(0),
      sample.p50.toFixed(1),
      sample.p99.toFixed(1),
      ...(["throughput", "p50", "p99"] as const).map((figure) =>
        floor ? (sample[figure] / floor[figure]).toFixed(2) : "",
      ),
    ]),
  ];
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const [head = [], ...body] = cells;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body.map(line)].join(
    "\n",
  );
}
