import * as z from "zod/mini";
import { defineTask, TaskError } from "../../src/task.ts"; // for you: "ringback"
import { CsvError, recordsOf } from "./csv.ts";
import { download, type Received } from "./download.ts";
import { Summary } from "./summary.ts";

const column = z.string().check(z.minLength(1), z.maxLength(100));

/**
 * Groups the rows of a large CSV and sums one of its columns. The file is never held: a piece of it comes, is parsed and
 * counted, and is gone before the next is asked for.
 */
export const summarizeCsv = defineTask({
  type: "csv.summarize",
  input: z.strictObject({
    url: z.string().check(z.minLength(1), z.maxLength(8_192)),
    groupBy: column,
    sum: column,
  }),
  urls: ({ url }) => ({ "/url": url }),
  timeout: 10 * 60_000,
  retries: 5,
  async handler({ input, signal, progress, fetch }) {
    const summary = new Summary(input.groupBy, input.sum);
    const received: Received = { bytes: 0, total: undefined };
    try {
      for await (const records of recordsOf(download(input.url, { fetch, signal }, received))) {
        for (const record of records) summary.add(record);
        progress({ ...percentOf(received), message: `${summary.rows} rows` });
      }
      return { bytes: received.bytes, ...summary.result() };
    } catch (error) {
      return explain(error);
    }
  },
});

/** 100 is for the end: rows that have come are not yet a result. */
function percentOf({ bytes, total }: Received): { percent?: number } {
  return total ? { percent: Math.min(99, Math.floor((100 * bytes) / total)) } : {};
}

/** What is wrong with the file is wrong on every attempt. */
function explain(error: unknown): never {
  if (!(error instanceof CsvError)) throw error;
  throw new TaskError("invalid-csv", error.message, { retryable: false, cause: error });
}
