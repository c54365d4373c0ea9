import * as z from "zod/mini";
import { defineTask, type TaskContext, TaskError } from "../task.ts";
import { CsvError, readCsv } from "./csv.ts";
import { download, piecesOf } from "./csv-source.ts";
import { Grouping, type Report, ReportTooLarge } from "./report-aggregate.ts";
import { reportHtml } from "./report-html.ts";

const MAX_MEASURES = 20;
const MAX_COLUMN_LENGTH = 200;
const MAX_URL_LENGTH = 8_192;

const column = z.string().check(z.minLength(1), z.maxLength(MAX_COLUMN_LENGTH));

const AGGREGATES = ["sum", "avg", "min", "max", "count"] as const;

const measures = z.record(column, z.enum(AGGREGATES)).check(
  z.refine((record) => Object.keys(record).length <= MAX_MEASURES, `At most ${MAX_MEASURES} columns.`),
  z.refine((record) => !Object.hasOwn(record, "key"), "The column `key` would hide the key of its group."),
);

/** JSON may name a column `__proto__`, which a record leaves out without a word. */
const named = z.unknown().check(
  z.refine((value) => !hasOwnProto(value), "A column of the name __proto__ cannot be aggregated."),
  z.meta({ type: "object", additionalProperties: { type: "string", enum: AGGREGATES } }),
);

const inputSchema = z
  .strictObject({
    csv: z.optional(z.string()),
    csvUrl: z.optional(z.string().check(z.minLength(1), z.maxLength(MAX_URL_LENGTH))),
    groupBy: column,
    aggregate: z.pipe(named, measures),
  })
  .check(
    z.refine(
      ({ csv, csvUrl }) => (csv === undefined) !== (csvUrl === undefined),
      "Give either csv or csvUrl.",
    ),
  );

type Input = z.output<typeof inputSchema>;

/** Each group has its key, and a number per aggregated column under the column's name. */
const resultSchema = z.object({
  rows: z.int().check(z.gte(0)),
  groups: z.array(z.catchall(z.object({ key: z.string() }), z.union([z.string(), z.number()]))),
  html: z.string(),
});

/**
 * Groups the rows of a CSV by a column, aggregates others, and writes the result as data and as an HTML document.
 * A CSV that comes by URL is streamed: only its groups stay in memory, 10 000 at most.
 */
export const reportGenerate = defineTask({
  type: "report.generate",
  summary: "Group the rows of a CSV and aggregate its columns, as data and as an HTML document.",
  input: inputSchema,
  result: resultSchema,
  timeout: 5 * 60_000,
  urls: ({ csvUrl }): Record<string, string> => (csvUrl === undefined ? {} : { "/csvUrl": csvUrl }),
  async handler(context: TaskContext<Input>) {
    const report = await summarize(context).catch(explain);
    return {
      rows: report.rows,
      groups: report.groups.map(({ key, values }) => {
        const named = report.measures.map(({ column }, index) => [column, values[index] ?? 0] as const);
        return { key, ...Object.fromEntries(named) };
      }),
      html: reportHtml(report, context.task.id),
    };
  },
});

async function summarize(context: TaskContext<Input>): Promise<Report> {
  const { csv, csvUrl, groupBy, aggregate } = context.input;
  const grouping = new Grouping(
    groupBy,
    Object.entries(aggregate).map(([column, aggregate]) => ({ column, aggregate })),
  );
  const pieces = csvUrl === undefined ? piecesOf(csv ?? "", context) : download(csvUrl, context);
  for await (const records of readCsv(pieces)) {
    for (const record of records) grouping.add(record);
  }
  return grouping.report();
}

/** A fault of the CSV fails every attempt. */
function explain(error: unknown): never {
  if (error instanceof CsvError)
    throw new TaskError("invalid-csv", error.message, { retryable: false, cause: error });
  if (error instanceof ReportTooLarge)
    throw new TaskError("report-too-large", error.message, { retryable: false, cause: error });
  throw error;
}

function hasOwnProto(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__");
}
