import * as z from "zod/mini";
import { defineTask } from "../../src/task.ts"; // for you: "ringback"
import { reportHtml } from "./html.ts";
import { reportPdf } from "./pdf.ts";
import { barsOf, type Column, type Report } from "./report.ts";

const MAX_ROWS = 5_000;
const MAX_COLUMNS = 8;

const title = z.string().check(z.minLength(1), z.maxLength(120));

const column = z.strictObject({
  title: z.string().check(z.minLength(1), z.maxLength(40)),
  kind: z._default(z.enum(["text", "number"]), "text"),
  decimals: z._default(z.int().check(z.gte(0), z.lte(3)), 0),
  total: z._default(z.boolean(), false),
});

/** Sums of 5,000 such numbers with three decimals are exact. */
const number = z.number().check(z.gte(-1e9), z.lte(1e9));
const cell = z.nullable(z.union([z.string().check(z.maxLength(500)), number]));

const inputSchema = z
  .strictObject({
    format: z._default(z.enum(["pdf", "html"]), "pdf"),
    title,
    subtitle: z._default(z.string().check(z.maxLength(200)), ""),
    columns: z.array(column).check(z.minLength(1), z.maxLength(MAX_COLUMNS)),
    rows: z.array(z.array(cell)).check(z.maxLength(MAX_ROWS)),
    /** Bars for the ten largest sums of the column `value`, by the text of the column `label`. */
    chart: z.optional(z.strictObject({ label: z.string(), value: z.string() })),
  })
  .check(
    z.refine(({ columns, rows }) => rows.every((row) => fits(row, columns)), {
      path: ["rows"],
      message: "Each row has a cell for each column: a number or null for numbers, text or null for text.",
    }),
    z.refine(({ columns }) => columns.every(({ kind, total }) => kind === "number" || !total), {
      path: ["columns"],
      message: "Only numbers have a total.",
    }),
    z.refine(({ columns, chart }) => !chart || chartColumns(columns, chart) !== undefined, {
      path: ["chart"],
      message: "`label` and `value` are titles of columns, and the value's is one of numbers.",
    }),
  );
type Input = z.output<typeof inputSchema>;

/** Makes a document of a table: a PDF of A4 pages, or one page of HTML. */
export const drawReport = defineTask({
  type: "report.draw",
  input: inputSchema,
  timeout: 60_000,
  async handler({ input, task }) {
    const report = reportOf(input, task.createdAt);
    if (input.format === "html")
      return { mediaType: "text/html; charset=utf-8", encoding: "utf-8", content: reportHtml(report) };
    const { bytes, pages, replaced } = await reportPdf(report, task.createdAt);
    const content = base64(bytes);
    return {
      mediaType: "application/pdf",
      encoding: "base64",
      content,
      bytes: bytes.length,
      pages,
      replaced,
    };
  },
});

function reportOf({ title, subtitle, columns, rows, chart }: Input, createdAt: Date): Report {
  const date = createdAt.toISOString().slice(0, 10);
  const found = chart && chartColumns(columns, chart);
  if (!found) return { title, subtitle, columns, rows, date, bars: [], barTitle: "" };
  const { bars, count } = barsOf(rows, found.label, found.value, found.column);
  const whichOf = count > bars.length ? `, the ${bars.length} largest of ${count}` : "";
  const barTitle = `${chart.value} by ${chart.label}${whichOf}`;
  return { title, subtitle, columns, rows, date, bars, barTitle };
}

function chartColumns(columns: readonly Column[], chart: { label: string; value: string }) {
  const label = columns.findIndex(({ title }) => title === chart.label);
  const value = columns.findIndex(({ title }) => title === chart.value);
  const column = columns[value];
  return label !== -1 && column?.kind === "number" ? { label, value, column } : undefined;
}

function fits(row: readonly (string | number | null)[], columns: readonly Column[]): boolean {
  const kinds = { text: "string", number: "number" } as const;
  return (
    row.length === columns.length &&
    row.every((cell, at) => cell === null || typeof cell === kinds[columns[at]?.kind ?? "text"])
  );
}

/** In pieces, because a function takes only so many arguments. */
function base64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8_192)
    binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return btoa(binary);
}
