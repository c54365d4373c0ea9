import { CsvError } from "./csv.ts";

/** One group: its sum, least and greatest value in hundredths. */
interface Group {
  rows: number;
  sum: number;
  min: number;
  max: number;
}

/** What the result shows of a group. */
export interface GroupResult {
  readonly key: string;
  readonly rows: number;
  readonly sum: number;
  readonly average: number;
  readonly min: number;
  readonly max: number;
}

/** Groups are what stays in memory of the file, and what the result holds: there is an end to both. */
const MAX_GROUPS = 10_000;
const MAX_KEY = 200;

/**
 * Groups records by one column and sums another as they come by. Sums are exact: values have two decimals at most and are
 * counted in hundredths, up to 90 trillion.
 */
export class Summary {
  readonly #groupBy: string;
  readonly #measure: string;
  readonly #groups = new Map<string, Group>();
  #columns: { readonly width: number; readonly key: number; readonly value: number } | undefined;
  #rows = 0;

  constructor(groupBy: string, measure: string) {
    this.#groupBy = groupBy;
    this.#measure = measure;
  }

  get rows(): number {
    return this.#rows;
  }

  /**
   * Takes the next record, the header first.
   *
   * @throws CsvError when a column is missing, a record has not as many fields as the header, a value is no amount, or
   * there are more groups than are kept
   */
  add(fields: readonly string[]): void {
    if (!this.#columns) {
      this.#columns = {
        width: fields.length,
        key: locate(fields, this.#groupBy),
        value: locate(fields, this.#measure),
      };
      return;
    }
    const { width, key, value } = this.#columns;
    this.#rows += 1;
    if (fields.length !== width)
      throw this.#fault(`it has ${fields.length} fields, the header has ${width}.`);
    const hundredths = this.#read(fields[value] ?? "");
    const group = this.#groups.get(fields[key] ?? "") ?? this.#open(fields[key] ?? "");
    group.rows += 1;
    group.sum += hundredths;
    if (hundredths < group.min) group.min = hundredths;
    if (hundredths > group.max) group.max = hundredths;
    if (!Number.isSafeInteger(group.sum)) throw this.#fault("the sum of its group is too large.");
  }

  /** In the order of the sums, the greatest first. */
  result(): { rows: number; groups: GroupResult[] } {
    if (!this.#columns) throw new CsvError("Record 1: there is no header.");
    const groups = [...this.#groups]
      .sort(([, left], [, right]) => right.sum - left.sum)
      .map(([key, { rows, sum, min, max }]) => ({
        key,
        rows,
        sum: sum / 100,
        average: Math.round(sum / rows) / 100,
        min: min / 100,
        max: max / 100,
      }));
    return { rows: this.#rows, groups };
  }

  #read(text: string): number {
    const hundredths = AMOUNT.test(text) ? Math.round(Number(text) * 100) : Number.NaN;
    if (Number.isSafeInteger(hundredths)) return hundredths;
    throw this.#fault(`"${text.slice(0, 40)}" is no number with two decimals at most.`);
  }

  #open(key: string): Group {
    if (key.length > MAX_KEY) throw this.#fault(`its group's name has more than ${MAX_KEY} characters.`);
    if (this.#groups.size === MAX_GROUPS) throw this.#fault(`there are more than ${MAX_GROUPS} groups.`);
    const group = { rows: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
    this.#groups.set(copied(key), group);
    return group;
  }

  #fault(what: string): CsvError {
    return new CsvError(`Record ${this.#rows + 1}: ${what}`);
  }
}

const AMOUNT = /^-?\d{1,15}(?:\.\d{1,2})?$/;

function locate(header: readonly string[], column: string): number {
  const at = header.indexOf(column);
  if (at !== -1) return at;
  throw new CsvError(`Record 1: there is no column "${column}".`);
}

/** A part of a string points into the whole: without a copy, each key would keep the piece that it was read from. */
function copied(text: string): string {
  return Array.from(text).join("");
}
