import type Big from "big.js";
import { CsvError, type CsvRecord } from "./csv.ts";
import { divide, parseDecimal, toNumber, ZERO } from "./decimal.ts";

type Aggregate = "sum" | "avg" | "min" | "max" | "count";

/** A column and what is made of its values in each group. */
export interface Measure {
  readonly column: string;
  readonly aggregate: Aggregate;
}

/** One line of a report: the values in the order of its measures. */
export interface ReportRow {
  readonly key: string;
  readonly values: readonly number[];
}

export interface Report {
  readonly groupBy: string;
  readonly measures: readonly Measure[];
  /** Records of the CSV, without the header. */
  readonly rows: number;
  /** In code point order of their keys. */
  readonly groups: readonly ReportRow[];
  /** The same aggregates over all rows. */
  readonly totals: readonly number[];
}

/** The report would not fit what a result may be. */
export class ReportTooLarge extends Error {
  override readonly name = "ReportTooLarge";
}

export const MAX_GROUPS = 10_000;
/** Groups times measures. */
const MAX_VALUES = 50_000;
export const MAX_KEY_LENGTH = 200;

/**
 * Groups records and aggregates them one by one; keeps the groups and none of the records.
 *
 * `sum` and `avg` are exact before they become floats, so that ten times 0.1 is 1. `count` counts the values that are
 * not empty; every other aggregate needs a number in every row.
 */
export class Grouping {
  readonly #groupBy: string;
  readonly #measures: readonly Measure[];
  readonly #groups = new Map<string, Tally[]>();
  readonly #totals: Tally[];
  #columns:
    | { readonly width: number; readonly key: number; readonly measured: readonly number[] }
    | undefined;
  #rows = 0;

  constructor(groupBy: string, measures: readonly Measure[]) {
    this.#groupBy = groupBy;
    this.#measures = measures;
    this.#totals = measures.map(() => new Tally());
  }

  get rows(): number {
    return this.#rows;
  }

  /**
   * Takes the next record, the header first.
   *
   * @throws CsvError when a column is missing or there twice, a row is ragged, or a value is no number
   * @throws ReportTooLarge when there are too many groups, or a key is too long
   */
  add(record: CsvRecord): void {
    if (!this.#columns) {
      this.#columns = this.#locate(record);
      return;
    }
    const { width, key, measured } = this.#columns;
    if (record.fields.length !== width) {
      throw new CsvError(record.line, `the row has ${record.fields.length} fields, the header has ${width}.`);
    }
    this.#rows += 1;
    const tallies = this.#group(record.fields[key] ?? "", record.line);
    for (const [index, column] of measured.entries()) {
      const text = record.fields[column] ?? "";
      const number = this.#number(index, text, record.line);
      tallies[index]?.add(text, number);
      this.#totals[index]?.add(text, number);
    }
  }

  /** @throws CsvError when there was no header */
  report(): Report {
    if (!this.#columns) throw new CsvError(1, "there is no header.");
    const groups = [...this.#groups]
      .sort(([left], [right]) => compareCodePoints(left, right))
      .map(([key, tallies]) => ({ key, values: this.#values(tallies) }));
    return {
      groupBy: this.#groupBy,
      measures: this.#measures,
      rows: this.#rows,
      groups,
      totals: this.#values(this.#totals),
    };
  }

  #locate({ line, fields }: CsvRecord) {
    const find = (column: string): number => {
      const at = fields.indexOf(column);
      if (at === -1) throw new CsvError(line, `there is no column "${shortened(column)}".`);
      if (fields.includes(column, at + 1))
        throw new CsvError(line, `there are two columns "${shortened(column)}".`);
      return at;
    };
    return {
      width: fields.length,
      key: find(this.#groupBy),
      measured: this.#measures.map(({ column }) => find(column)),
    };
  }

  #group(key: string, line: number): Tally[] {
    const found = this.#groups.get(key);
    if (found) return found;
    if (key.length > MAX_KEY_LENGTH) {
      throw new ReportTooLarge(`Line ${line}: the key of a group may have ${MAX_KEY_LENGTH} characters.`);
    }
    const groups = this.#groups.size + 1;
    if (groups > MAX_GROUPS || groups * this.#measures.length > MAX_VALUES) {
      throw new ReportTooLarge(
        `Line ${line}: a report may have ${MAX_GROUPS} groups and ${MAX_VALUES} values; group by another column.`,
      );
    }
    const tallies = this.#measures.map(() => new Tally());
    this.#groups.set(copied(key), tallies);
    return tallies;
  }

  #number(index: number, text: string, line: number): Big {
    const measure = this.#measures[index];
    if (measure?.aggregate === "count") return ZERO;
    const number = parseDecimal(text);
    if (number) return number;
    throw new CsvError(
      line,
      `"${shortened(text)}" in column "${shortened(measure?.column ?? "")}" is no number.`,
    );
  }

  #values(tallies: readonly Tally[]): number[] {
    return this.#measures.map(({ aggregate }, index) => tallies[index]?.value(aggregate) ?? 0);
  }
}

/** The aggregated values of one column in one group. */
class Tally {
  #sum = ZERO;
  #rows = 0;
  #filled = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;

  add(text: string, number: Big): void {
    const float = toNumber(number);
    this.#sum = this.#sum.plus(number);
    this.#rows += 1;
    if (text !== "") this.#filled += 1;
    this.#min = Math.min(this.#min, float);
    this.#max = Math.max(this.#max, float);
  }

  value(aggregate: Aggregate): number {
    if (aggregate === "count") return this.#filled;
    if (this.#rows === 0) return 0; // the totals of a report without rows
    if (aggregate === "sum") return toNumber(this.#sum);
    if (aggregate === "avg") return toNumber(divide(this.#sum, this.#rows));
    return aggregate === "min" ? this.#min : this.#max;
  }
}

/** UTF-16 order differs from code point order where surrogates meet what lies above them. */
function compareCodePoints(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    if (left.charCodeAt(at) !== right.charCodeAt(at)) {
      return (left.codePointAt(at) ?? 0) - (right.codePointAt(at) ?? 0);
    }
  }
  return left.length - right.length;
}

/** Engines make a part of a string by pointing into it: without a copy, a key would keep the piece it was read from. */
function copied(text: string): string {
  return Array.from(text).join("");
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
