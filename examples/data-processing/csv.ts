import Papa from "papaparse";

/** Characters that a record may have; what is longer is most likely a quote that was never closed. */
const MAX_RECORD = 1024 * 1024;

/** Characters that are parsed at a time: small enough that what was parsed is young garbage, which costs next to nothing. */
const PIECE = 32 * 1024;

/** The text is no CSV, or not the one that was expected; the message names the record, the header being the first. */
export class CsvError extends Error {
  override readonly name = "CsvError";
}

/**
 * Parses text that comes in parts, cut anywhere, also within a quoted field. No more of it is held than one piece and one
 * record.
 *
 * Records are separated by LF or CRLF (which becomes LF within quotes too); empty lines are skipped.
 *
 * @throws CsvError on a quote that is not closed, or that text follows
 */
export async function* recordsOf(parts: AsyncIterable<string>): AsyncGenerator<readonly string[][]> {
  const parser = new RecordParser();
  for await (const part of parts) {
    const records = parser.push(part);
    if (records.length > 0) yield records;
  }
  yield parser.end();
}

class RecordParser {
  /** From the beginning of the first record that is not known to be whole. */
  #held = "";
  #parts: string[] = [];
  #waiting = 0;
  #records = 0;

  push(part: string): readonly string[][] {
    this.#parts.push(part);
    this.#waiting += part.length;
    return this.#waiting < PIECE ? [] : this.#parse(false);
  }

  end(): readonly string[][] {
    return this.#parse(true);
  }

  #parse(isLast: boolean): readonly string[][] {
    const text = this.#held + this.#parts.join("");
    this.#parts = [];
    this.#waiting = 0;
    // A CR at the very end may belong to an LF that has not come yet.
    const cut = !isLast && text.endsWith("\r") ? text.length - 1 : text.length;
    const lines = text.slice(0, cut).replaceAll("\r\n", "\n");
    // The parser alone, because it can leave the last record to the next piece (its third parameter).
    const { data, errors, meta } = new Papa.Parser({ delimiter: ",", newline: "\n" }).parse(
      lines,
      0,
      !isLast,
    );
    // What is wrong with the record that was left may be right with its rest.
    const fault = errors.find(({ row = 0 }) => row < data.length);
    if (fault) throw broken(this.#records + (fault.row ?? 0) + 1);
    this.#records += data.length;
    this.#held = isLast ? "" : lines.slice(meta.cursor) + text.slice(cut);
    if (this.#held.length > MAX_RECORD) throw broken(this.#records + 1);
    return (data as string[][]).filter((fields) => fields.length > 1 || fields[0] !== ""); // it converts nothing
  }
}

function broken(record: number): CsvError {
  return new CsvError(`Record ${record}: a quoted field is not closed, or text follows its closing quote.`);
}
