import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { eventually } from "../support/client.ts";
import { type Example, hostExample } from "../support/example.ts";
import { memoryOf } from "../support/memory.ts";
import { knownOf, type Orders, serveOrders } from "../support/orders.ts";

// examples/data-processing, whole: the gateway, and a server that makes its CSV while it sends it.

const MB = 1_000_000;
const resultShape = z.object({
  bytes: z.number(),
  rows: z.number(),
  groups: z.array(z.object({ key: z.string(), rows: z.number(), sum: z.number() })),
});

let orders: Orders;
let example: Example;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  orders = await serveOrders();
  stops.push(() => orders.stop());
  example = await hostExample("data-processing", {});
  stops.push(example.hosted.stop);
});
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

const submit = (url: string, columns = {}) =>
  example.client.submit({
    type: "csv.summarize",
    input: { url, groupBy: "region", sum: "amount", ...columns },
  });

/** Compares a result with what the generator knows. */
function expectSums(result: unknown, bytes: number): void {
  const { rows, groups } = resultShape.parse(result);
  const known = knownOf(bytes);
  const told = new Map(groups.map(({ key, rows, sum }) => [key, { rows, sum: Math.round(sum * 100) }]));
  expect(told).toEqual(known);
  expect(rows).toBe([...known.values()].reduce((total, group) => total + group.rows, 0));
  expect(groups.map(({ sum }) => sum)).toEqual(groups.map(({ sum }) => sum).toSorted((a, b) => b - a));
}

describe("a CSV of 400 MB", () => {
  test("is summed with progress, in memory far below its size", async () => {
    // A gateway of its own: its memory is of this task alone.
    const { client, hosted } = await hostExample("data-processing", {});
    try {
      const before = await memoryOf(hosted.pid);
      const url = orders.serve("/large.csv", { bytes: 400 * MB, rest: 1_500 });
      const input = { url, groupBy: "region", sum: "amount" };
      const { id } = await client.submit({ type: "csv.summarize", input });
      const percents = new Set<number>();
      const task = await eventually(
        async () => {
          const now = await client.task(id);
          percents.add(now.progress?.percent ?? 0);
          if (!now.done) throw new Error(`${id} is still ${now.status}`);
          return now;
        },
        { timeoutMs: 100_000, everyMs: 100 },
      );
      const grown = (await memoryOf(hosted.pid)).peak - before.resident;

      expect(task).toMatchObject({ status: "succeeded", attempt: 1 });
      const { bytes } = resultShape.parse(task.result);
      expect(bytes).toBeGreaterThan(400 * MB);
      expectSums(task.result, 400 * MB);
      expect([...percents].some((percent) => percent > 0 && percent < 99)).toBe(true);
      expect(grown).toBeGreaterThan(0);
      // A fifth to a third of this is usual. What a busy collector leaves lying does not depend on the file's size.
      expect(grown).toBeLessThan(200 * MB);
    } finally {
      await hosted.stop();
    }
  }, 120_000);

  test("is downloaded no further once its task is canceled", async () => {
    const { client } = example;
    const { id } = await submit(orders.serve("/endless.csv", { bytes: Number.POSITIVE_INFINITY }));
    await eventually(async () =>
      expect((await client.task(id)).progress?.message).toMatch(/^[1-9]\d* rows$/),
    );
    expect((await client.send("POST", `/v1/tasks/${id}/cancel`)).status).toBe(200);
    await eventually(() => expect(orders.requests("/endless.csv")[0]?.closed).toBe(true));
    expect(orders.requests("/endless.csv")).toHaveLength(1);
    expect((await client.task(id)).status).toBe("canceled");
  });
});

describe("a connection", () => {
  test("that breaks in the middle is another attempt, and no row is counted twice", async () => {
    const whole = { bytes: 5 * MB };
    const { id } = await submit(orders.serve("/cut.csv", { ...whole, cut: 3 * MB }, whole));
    const task = await example.client.ended(id, 30_000);
    expect(task).toMatchObject({ status: "succeeded", attempt: 2 });
    expectSums(task.result, 5 * MB);
    const causes = (await example.client.timeline(id)).map(({ cause }) => cause).filter(Boolean);
    expect(causes).toEqual(["source-unavailable"]);
  });
});

describe("a file", () => {
  test.each([
    [
      "a quote that is not closed",
      'region,amount\na,1\n"b,2\nc,3\n',
      /^Record 3: a quoted field is not closed/,
    ],
    [
      "text after a closing quote",
      'region,amount\na,1\n"b"x,2\nc,3\n',
      /^Record 3: .*text follows its closing quote/,
    ],
    ["a column too few", "region,total\na,1\n", /^Record 1: there is no column "amount"/],
    ["a row too short", "region,amount\na,1\nb\n", /^Record 3: it has 1 fields, the header has 2/],
    ["a word for an amount", "region,amount\na,much\n", /^Record 2: "much" is no number/],
    ["nothing in it", "", /^Record 1: there is no header/],
  ])("with %s fails for good, and its record is named", async (name, csv, message) => {
    const { id } = await submit(orders.serve(`/${encodeURIComponent(name)}.csv`, csv));
    expect(await example.client.ended(id)).toMatchObject({
      status: "failed",
      attempt: 1,
      error: { code: "invalid-csv", message: expect.stringMatching(message), retryable: false },
    });
  });

  test("with CRLF, a byte order mark and no line end at its end is read as any other", async () => {
    const csv = '\ufeffamount,region\r\n0.10,"a\r\nb"\r\n\r\n0.20,"a\nb"\r\n-3,"say ""c"""';
    const { id } = await submit(orders.serve("/crlf.csv", csv));
    expect((await example.client.ended(id)).result).toEqual({
      bytes: Buffer.byteLength(csv),
      rows: 3,
      groups: [
        { key: "a\nb", rows: 2, sum: 0.3, average: 0.15, min: 0.1, max: 0.2 },
        { key: 'say "c"', rows: 1, sum: -3, average: -3, min: -3, max: -3 },
      ],
    });
  });

  test("that is not there fails for good", async () => {
    const { id } = await submit(`${orders.url}/missing.csv`);
    expect(await example.client.ended(id)).toMatchObject({
      status: "failed",
      attempt: 1,
      error: { code: "source-unavailable", message: "The server of the file answered 404." },
    });
  });
});
