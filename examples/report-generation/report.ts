/** A column of a report. */
export interface Column {
  readonly title: string;
  readonly kind: "text" | "number";
  /** Decimals that numbers are shown with. */
  readonly decimals: number;
  /** Whether the last line shows its sum. */
  readonly total: boolean;
}

export type Cell = string | number | null;

/** What a report is made of. */
export interface Report {
  readonly title: string;
  readonly subtitle: string;
  /** `YYYY-MM-DD`, at the foot of each page. */
  readonly date: string;
  readonly columns: readonly Column[];
  /** Each with a cell for every column. */
  readonly rows: readonly (readonly Cell[])[];
  readonly bars: readonly Bar[];
  /** What the bars show. */
  readonly barTitle: string;
}

/** One bar of the chart. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
}

const MAX_BARS = 10;

/** A cell as people read it: 1,234.50, and nothing for what is missing. */
export function textOf(cell: Cell, column: Column): string {
  if (typeof cell !== "number") return cell ?? "";
  const digits = { minimumFractionDigits: column.decimals, maximumFractionDigits: column.decimals };
  return cell.toLocaleString("en", digits);
}

/** The last line: the sums of those columns that have one, undefined when none has. */
export function totalsOf({ columns, rows }: Pick<Report, "columns" | "rows">): readonly Cell[] | undefined {
  if (!columns.some(({ total }) => total)) return undefined;
  const sums = columns.map(({ total, decimals }, at) =>
    total
      ? sumOf(
          rows.map((row) => Number(row[at] ?? 0)),
          decimals,
        )
      : null,
  );
  return sums.map((sum, at) => (at === 0 && sum === null ? "Total" : sum));
}

/** In units of the last decimal that is shown, so that the sum is that of the numbers which stand above it. */
function sumOf(numbers: readonly number[], decimals: number): number {
  const unit = 10 ** decimals;
  return numbers.reduce((sum, number) => sum + Math.round(number * unit), 0) / unit;
}

/** The largest sums of one column by another one's text, and how many there are in all. */
export function barsOf(
  rows: readonly (readonly Cell[])[],
  label: number,
  value: number,
  column: Column,
): { bars: readonly Bar[]; count: number } {
  const groups = Map.groupBy(rows, (row) => String(row[label] ?? ""));
  const bars = [...groups].map(([name, members]) => {
    const sum = sumOf(
      members.map((row) => Number(row[value] ?? 0)),
      column.decimals,
    );
    return { label: name, value: sum, text: textOf(sum, column) };
  });
  bars.sort((left, right) => right.value - left.value);
  return { bars: bars.slice(0, MAX_BARS), count: bars.length };
}
