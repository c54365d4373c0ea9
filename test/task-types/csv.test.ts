import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CsvError, type CsvRecord, MAX_RECORD, readCsv } from "../../src/task-types/csv.ts";

const seed = Number(process.env["SEED"] ?? 20261124);
console.info(`seed ${seed}`);

async function read(...pieces: string[]): Promise<CsvRecord[]> {
  const records: CsvRecord[] = [];
  for await (const batch of readCsv(pieces)) records.push(...batch);
  return records;
}

async function problem(...pieces: string[]): Promise<string> {
  const error = await read(...pieces).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CsvError)) throw new Error("no CsvError", { cause: error });
  return error.message;
}

describe("records", () => {
  it.each<[string, string, CsvRecord[]]>([
    ["LF", "a,b\n1,2\n", [row(1, "a", "b"), row(2, "1", "2")]],
    ["no line end at the end", "a,b\n1,2", [row(1, "a", "b"), row(2, "1", "2")]],
    ["CRLF", "a,b\r\n1,2\r\n", [row(1, "a", "b"), row(2, "1", "2")]],
    ["CR", "a,b\r1,2\r", [row(1, "a", "b"), row(2, "1", "2")]],
    ["mixed line ends", "a\r\n1\n2\r3", [row(1, "a"), row(2, "1"), row(3, "2"), row(4, "3")]],
    ["a byte order mark", "\ufeffa\n1", [row(1, "a"), row(2, "1")]],
    ["a byte order mark before a quote", '\ufeff"a"\n1', [row(1, "a"), row(2, "1")]],
    ["empty lines", "\na,b\n\n\n1,2\n\n", [row(2, "a", "b"), row(5, "1", "2")]],
    ["empty fields", "a,b\n,\n", [row(1, "a", "b"), row(2, "", "")]],
    ["quotes", '"a","b ""x"""\n"1,2",3', [row(1, "a", 'b "x"'), row(2, "1,2", "3")]],
    [
      "a line feed in quotes",
      'a,b\n"x\r\ny",2\nz,3',
      [row(1, "a", "b"), row(2, "x\ny", "2"), row(4, "z", "3")],
    ],
    ["a quote in an unquoted field", 'a,b\n5" nail,2', [row(1, "a", "b"), row(2, '5" nail', "2")]],
    ["ragged rows", "a,b\n1\n1,2,3", [row(1, "a", "b"), row(2, "1"), row(3, "1", "2", "3")]],
    ["nothing", "", []],
  ])("%s", async (_name, text, expected) => {
    expect(await read(text)).toEqual(expected);
  });

  it("are the same however the text is cut into pieces", async () => {
    const field = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\ufeff", "é", "😀") }),
      fc.string(),
    );
    const table = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 8 });
    const end = fc.constantFrom("\n", "\r\n", "\r");
    await fc.assert(
      fc.asyncProperty(
        table,
        end,
        fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
        async (rows, newline, sizes) => {
          const clean = rows.map((fields) => fields.map((text) => text.replaceAll(/[\r]/g, "")));
          const text = clean
            .map((fields) => fields.map((each) => `"${each.replaceAll('"', '""')}"`).join(","))
            .join(newline);
          const pieces: string[] = [];
          for (let at = 0; at < text.length; ) {
            const size = sizes.next().value;
            pieces.push(text.slice(at, at + size));
            at += size;
          }
          const records = await read(...pieces);
          expect(records.map(({ fields }) => fields)).toEqual(clean);
          expect(records).toEqual(await read(text));
        },
      ),
      { seed, numRuns: 300 },
    );
  });
});

describe("what is broken is told with its line", () => {
  it.each([
    ["a quote that is never closed", 'a,b\n1,2\nx,"3\n4,5\n6,7', "Line 3: "],
    ["one that opens on a later line of its record", 'a,b\n"1\n2","3\n4', "Line 3: "],
    ["text after a closing quote", 'a,b\n"x"y,2\n3,4\n', "Line 2: "],
    ["text after a closing quote, and a quote further on", 'a,b\n\n"x"y,2\n3,"4"\n5,6\n', "Line 3: "],
    ["the last character opens a quote", 'a,b\n1,"', "Line 2: "],
  ])("%s", async (_name, text, expected) => {
    const whole = await problem(text);
    expect(whole).toContain(expected);
    expect(whole).toContain("quote");
    expect(await problem(...text)).toBe(whole);
  });

  it("a record without end is given up, not kept", async () => {
    const piece = "x".repeat(MAX_RECORD / 4);
    let given = 0;
    const endless = (function* () {
      yield 'a,b\n1,2\n3,"';
      for (; given < 100; given += 1) yield piece;
    })();
    await expect(
      (async () => {
        for await (const batch of readCsv(endless)) expect(batch.length).toBeLessThan(3);
      })(),
    ).rejects.toThrow("Line 3: a quoted field is not closed");
    expect(given).toBeLessThan(6);
    expect(await problem(piece, piece, piece, piece, piece)).toContain(
      "Line 1: this record is longer than 1 MiB",
    );
  });
});

function row(line: number, ...fields: string[]): CsvRecord {
  return { line, fields };
}
