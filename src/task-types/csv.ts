import Papa from "papaparse";

/** One record, with the line that it begins on (the header is line 1). */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/** The text is not a CSV; the message names the line. */
export class CsvError extends Error {
  override readonly name = "CsvError";

  constructor(line: number, problem: string) {
    super(`Line ${line}: ${problem}`);
  }
}

/** Characters of one record; what is longer is most likely a quote that was never closed. */
export const MAX_RECORD = 1024 * 1024;

/**
 * Reads comma-separated records (RFC 4180) from pieces of text and keeps no more of it than one record and one piece.
 *
 * Line ends may be CRLF, LF or CR, mixed, and become LF within quoted fields; a byte order mark and empty lines are
 * skipped; a quote inside an unquoted field stands for itself.
 *
 * @throws CsvError on a broken quote, or a record of more than {@link MAX_RECORD} characters
 */
export async function* readCsv(
  pieces: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<CsvRecord[]> {
  const reader = new CsvReader();
  for await (const piece of pieces) yield reader.push(piece);
  yield reader.end();
}

/** A record as it lies in the text that is held. */
interface Slice {
  readonly fields: readonly string[];
  readonly start: number;
  readonly end: number;
  readonly broken: Papa.ParseError | undefined;
}

class CsvReader {
  /** From the beginning of the first record that is not known to be whole. */
  #held = "";
  /** A CR at the end of a piece, which an LF may follow. */
  #return = "";
  #line = 1;

  push(piece: string): CsvRecord[] {
    const text = this.#return + piece;
    this.#return = text.endsWith("\r") ? "\r" : "";
    return this.#read(text.slice(0, text.length - this.#return.length), false);
  }

  end(): CsvRecord[] {
    return this.#read(this.#return, true);
  }

  #read(piece: string, final: boolean): CsvRecord[] {
    // The parser drops a byte order mark too, but then counts without it.
    const text = (this.#held + piece.replaceAll(/\r\n?/g, "\n")).replace(/^\ufeff/, "");
    const slices = slicesOf(text);
    const last = final ? undefined : slices.pop(); // the next piece may go on with it
    const records = slices.map((slice) => this.#record(text, slice));
    this.#held = last ? text.slice(last.start) : "";
    if (this.#held.length > MAX_RECORD) {
      throw new CsvError(this.#line, last?.broken ? BROKEN_QUOTE : "this record is longer than 1 MiB.");
    }
    return records.filter(({ fields }) => fields.length > 1 || fields[0] !== "");
  }

  #record(text: string, { fields, start, end, broken }: Slice): CsvRecord {
    const line = this.#line;
    if (broken) {
      throw new CsvError(line + countLines(text.slice(start, broken.index ?? start)), BROKEN_QUOTE);
    }
    this.#line += countLines(text.slice(start, end));
    return { line, fields };
  }
}

const BROKEN_QUOTE = "a quoted field is not closed, or text follows its closing quote.";

function slicesOf(text: string): Slice[] {
  const slices: Slice[] = [];
  let start = 0;
  // The parser alone: what Papa Parse has around it loads, guesses and converts.
  const step = ({ data, errors, meta }: Papa.ParseStepResult<string[][]>): void => {
    slices.push({ fields: data[0] ?? [], start, end: meta.cursor, broken: errors[0] });
    start = meta.cursor;
  };
  new Papa.Parser({ delimiter: ",", newline: "\n", step }).parse(text, 0, false);
  return slices;
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}
