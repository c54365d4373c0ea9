import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { type Example, hostExample } from "../support/example.ts";
import { type Page, pagesOf } from "../support/poppler.ts";

// examples/report-generation, whole: the gateway draws, and Poppler reads what it has drawn.

const pdfShape = z.object({
  mediaType: z.literal("application/pdf"),
  encoding: z.literal("base64"),
  content: z.base64(),
  bytes: z.number(),
  pages: z.number(),
  replaced: z.number(),
});
const htmlShape = z.object({
  mediaType: z.literal("text/html; charset=utf-8"),
  encoding: z.literal("utf-8"),
  content: z.string(),
});

const COLUMNS = [
  { title: "Order" },
  { title: "Shop" },
  { title: "Note" },
  { title: "Items", kind: "number", total: true },
  { title: "Amount", kind: "number", decimals: 2, total: true },
];
const SHOPS = ["Berlin", "Köln", "Oslo", "Paris", "Porto"];
const NOTE =
  "Left at the back door because nobody answered the bell when the driver came for the second time";

/** Amounts in hundredths: 0.01 to 10,215.52, and no two alike. */
const amountOf = (index: number): number => 1 + index * 7_919;
const rows = Array.from({ length: 130 }, (_, index) => [
  `N-${1_000 + index}`,
  SHOPS[(index % 7) % 5] ?? "",
  index % 10 === 0 ? NOTE : null,
  index % 7,
  amountOf(index) / 100,
]);
const report = {
  title: "Sales by shop",
  subtitle: "January to November",
  columns: COLUMNS,
  rows,
  chart: { label: "Shop", value: "Amount" },
};
const money = (hundredths: number) =>
  (hundredths / 100).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const totalOf = (of: readonly number[]) => of.reduce((sum, one) => sum + one, 0);

let example: Example;
beforeAll(async () => {
  example = await hostExample("report-generation", {});
});
afterAll(() => example.hosted.stop());

async function draw(input: object) {
  const { id } = await example.client.submit({ type: "report.draw", input });
  const task = await example.client.ended(id, 30_000);
  expect(task).toMatchObject({ status: "succeeded", attempt: 1 });
  const reply = await example.client.send("GET", `/v1/tasks/${id}/result`);
  return { result: reply.json(), createdAt: task.createdAt };
}

async function drawPdf(input: object) {
  const { result, createdAt } = await draw(input);
  const pdf = pdfShape.parse(result);
  const bytes = Buffer.from(pdf.content, "base64");
  expect(bytes.length).toBe(pdf.bytes);
  const pages = await pagesOf(bytes);
  expect(pages).toHaveLength(pdf.pages);
  return { ...pdf, drawn: pages, date: createdAt.slice(0, 10) };
}

/** Words of a page that match. */
const words = ({ words }: Page, pattern: RegExp) => words.filter(({ text }) => pattern.test(text));

/** How many pixels of a page have about this colour. */
function pixelsLike({ pixels }: Page, [red, green, blue]: readonly [number, number, number]): number {
  let count = 0;
  for (let at = 0; at < pixels.length; at += 3) {
    const far = [red, green, blue].some((value, index) => Math.abs(value - (pixels[at + index] ?? 0)) > 6);
    if (!far) count += 1;
  }
  return count;
}

describe("a report as PDF", () => {
  let pdf: Awaited<ReturnType<typeof drawPdf>>;
  beforeAll(async () => {
    pdf = await drawPdf(report);
  });

  test("has pages of A4, each with the table's head, its number, and nothing beyond the margins", () => {
    expect(pdf.drawn.length).toBeGreaterThan(3);
    for (const [index, page] of pdf.drawn.entries()) {
      expect([Math.round(page.width), Math.round(page.height)]).toEqual([595, 842]);
      expect(page.text).toMatch(/Order +Shop +Note +Items +Amount/);
      expect(page.text).toContain("Sales by shop");
      expect(page.text).toMatch(new RegExp(`${pdf.date} +Page ${index + 1} of ${pdf.drawn.length}\\s*$`));
      for (const word of page.words) {
        expect(word.left).toBeGreaterThan(47);
        expect(word.right).toBeLessThan(page.width - 47);
        expect(word.top).toBeGreaterThan(40);
        expect(word.bottom).toBeLessThan(page.height - 40);
      }
    }
  });

  test("has each row once, in order, and the totals at the end", () => {
    const orders = pdf.drawn.flatMap((page) => words(page, /^N-\d+$/).map(({ text }) => text));
    expect(orders).toEqual(rows.map(([order]) => order));
    const text = pdf.drawn.map((page) => page.text).join("\n");
    for (const [index, [order, shop, , items]] of rows.entries()) {
      const line = text.split("\n").find((one) => one.includes(String(order))) ?? "";
      const note = index % 10 === 0 ? " +Left at the back door.*" : "";
      expect(line).toMatch(new RegExp(`^ *${order} +${shop}${note} +${items} +${money(amountOf(index))}$`));
    }
    expect(text).toContain("for the second time");
    const items = totalOf(rows.map((row) => Number(row[3]))).toLocaleString("en");
    const sum = money(totalOf(rows.map((_, index) => amountOf(index))));
    expect(text).toMatch(new RegExp(`Total +${items} +${sum}\\n`));
    expect(pdf.drawn.at(-1)?.text).toContain(sum);
  });

  test("has its numbers at the right of their column, and no text in another", () => {
    for (const page of pdf.drawn) {
      const [head] = words(page, /^Amount$/).slice(-1);
      const amounts = words(page, /^[\d,]+\.\d\d$/).filter(({ top }) => top > (head?.top ?? 0));
      expect(amounts.length).toBeGreaterThan(0);
      for (const amount of amounts) expect(amount.right).toBeCloseTo(head?.right ?? 0, 0);
      const [items] = words(page, /^Items$/);
      for (const word of words(page, /^(time|bell|door)$/)) expect(word.right).toBeLessThan(items?.left ?? 0);
    }
  });

  test("has lines that do not touch", () => {
    for (const page of pdf.drawn) {
      const [head] = words(page, /^Items$/);
      const tops = [
        ...new Set(page.words.filter(({ top }) => top > (head?.top ?? 0)).map(({ top }) => top)),
      ].toSorted((left, right) => left - right);
      for (const [index, top] of tops.slice(1).entries()) expect(top - (tops[index] ?? 0)).toBeGreaterThan(9);
    }
  });

  test("has a bar for each shop, as long as its sum", () => {
    const [first, ...others] = pdf.drawn;
    if (!first) throw new Error("there is no page");
    const sums = SHOPS.map((shop) => ({
      shop,
      sum: totalOf(rows.map((row, index) => (row[1] === shop ? amountOf(index) : 0))),
    })).toSorted((left, right) => right.sum - left.sum);
    const table = words(first, /^Items$/)[0]?.top ?? 0;
    const chart = first.words.filter(({ top }) => top < table).map(({ text }) => text);
    expect(chart.join(" ")).toContain(sums.map(({ shop, sum }) => `${shop} ${money(sum)}`).join(" "));
    // Each bar is 12 points high; the longest takes all the room between labels and values.
    const blue = [47, 111, 183] as const;
    const labels = Math.max(
      ...words(first, /^(Berlin|Köln|Oslo|Paris|Porto)$/)
        .filter(({ top }) => top < table)
        .map(({ right }) => right),
    );
    const values = Math.min(
      ...words(first, /\.\d\d$/)
        .filter(({ top }) => top < table)
        .map(({ left }) => left),
    );
    const longest = values - labels - 16;
    const area = sums.reduce((total, { sum }) => total + (12 * longest * sum) / (sums[0]?.sum ?? 1), 0);
    expect(Math.abs(pixelsLike(first, blue) / area - 1)).toBeLessThan(0.1);
    for (const page of others) expect(pixelsLike(page, blue)).toBe(0);
  });

  test("is one page when it is short, and needs no chart", async () => {
    const { drawn } = await drawPdf({ title: "Empty", columns: [{ title: "A" }], rows: [] });
    expect(drawn.map(({ text }) => text.split(/\s+/).filter(Boolean).join(" "))).toEqual([
      expect.stringMatching(/^Empty A \d{4}-\d\d-\d\d Page 1 of 1$/),
    ]);
  });

  test("is the same, byte for byte, when its task is replayed", async () => {
    const { client } = example;
    const { id } = await client.submit({ type: "report.draw", input: report });
    const { result } = await client.ended(id);
    expect((await client.send("POST", `/v1/tasks/${id}/replay`)).status).toBe(202);
    const again = await client.ended(id);
    expect(again).toMatchObject({ run: 2, status: "succeeded" });
    expect(pdfShape.parse(again.result)).toEqual(pdfShape.parse(result));
  });
});

describe("a number", () => {
  test("is never broken or cut: a table of large ones is set smaller", async () => {
    const columns = Array.from({ length: 8 }, (_, index) => ({
      title: `Amount of month ${index}`,
      kind: "number",
      decimals: 3,
      total: true,
    }));
    const rows = Array.from({ length: 40 }, () => columns.map(() => -1e9));
    const chart = { label: columns[0]?.title, value: columns[1]?.title };
    const { drawn } = await drawPdf({ title: "Large", columns, rows, chart });
    const texts = drawn.flatMap(({ words }) => words.map(({ text }) => text));
    expect(texts.filter((text) => text === "-1,000,000,000.000")).toHaveLength(320);
    expect(texts.filter((text) => text === "-40,000,000,000.000")).toHaveLength(8 + 1);
    for (const page of drawn)
      for (const { left, right } of page.words)
        expect([left > 47, right < page.width - 47]).toEqual([true, true]);
  });
});

describe("a chart", () => {
  test("shows the ten largest sums, and says of how many", async () => {
    const columns = [{ title: "Shop" }, { title: "Sum", kind: "number" }];
    const rows = Array.from({ length: 24 }, (_, index) => [`S${index % 12}`, index]);
    const { drawn } = await drawPdf({ title: "Many", columns, rows, chart: { label: "Shop", value: "Sum" } });
    const [first] = drawn;
    expect(first?.text).toContain("Sum by Shop, the 10 largest of 12");
    const chart = (first?.text ?? "").split(/^ *Shop +Sum *$/m)[0] ?? "";
    // S11 has 11 and 23, S10 has 10 and 22 and so on.
    const bars = [...chart.matchAll(/^ *(S\d+) +(\d+)$/gm)].map(([, shop, sum]) => [shop, Number(sum)]);
    expect(bars).toEqual(Array.from({ length: 10 }, (_, index) => [`S${11 - index}`, 34 - 2 * index]));
  });
});

describe("a text", () => {
  test("is printed in its own letters: Latin, Greek and Cyrillic", async () => {
    const row = ["Łódź", "Ελλάδα", "Київ", "Zürich, “quoted” – 5 €", "office, fjord"];
    const columns = row.map((_, index) => ({ title: `C${index}` }));
    const { drawn, replaced } = await drawPdf({ title: "Žofín, Łódź", columns, rows: [row] });
    expect(drawn[0]?.text).toContain("Žofín, Łódź");
    expect(drawn[0]?.text).toMatch(/Łódź +Ελλάδα +Київ +Zürich, “quoted” – 5 € +office, fjord/);
    expect(replaced).toBe(0);
  });

  test("that the font lacks letters for has question marks, and they are counted", async () => {
    const { drawn, replaced } = await drawPdf({ title: "東京", columns: [{ title: "A" }], rows: [["東京"]] });
    expect(drawn[0]?.text).toMatch(/^\?\?/);
    expect(replaced).toBe(4);
  });

  test("that is longer than its column is broken, and after three lines cut", async () => {
    const long = "word ".repeat(90).trim();
    const columns = [{ title: "A" }, { title: "B" }, { title: "C" }];
    const { drawn } = await drawPdf({ title: "Long", columns, rows: [[long, "x".repeat(300), "short"]] });
    const [page] = drawn;
    if (!page) throw new Error("there is no page");
    expect(new Set(words(page, /^word/).map(({ top }) => Math.round(top))).size).toBe(3);
    expect(page.text.match(/…/g)).toHaveLength(2);
    for (const { right } of page.words) expect(right).toBeLessThan(page.width - 47);
  });
});

describe("a report as HTML", () => {
  test("has every row, the totals and the bars, and every text escaped", async () => {
    const evil = `<script>alert("1")</script>&'`;
    const [first = [], ...others] = rows;
    const rowsNow = [[evil, ...first.slice(1)], ...others];
    const { result } = await draw({ ...report, format: "html", title: evil, rows: rowsNow });
    const { content } = htmlShape.parse(result);
    const escaped = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;";
    expect(content).not.toContain("<script");
    expect(content).toContain(`<h1>${escaped}</h1>`);
    expect(content).toContain(`<title>${escaped}</title>`);
    expect(content.match(/<tr>/g)).toHaveLength(rows.length + 2);
    expect(content).toContain(`<td>${escaped}</td>`);
    for (const [index] of rows.entries())
      expect(content).toContain(`<td class="n">${money(amountOf(index))}</td>`);
    expect(content).toContain(
      `<td class="n">${money(totalOf(rows.map((_, index) => amountOf(index))))}</td>`,
    );
    const widths = [...content.matchAll(/<i style="width:([\d.]+)%">/g)].map(([, width]) => Number(width));
    expect(widths[0]).toBe(100);
    expect(widths).toEqual(widths.toSorted((left, right) => right - left));
    expect(content).not.toMatch(/(?:src|href)=/);
  });
});

describe("an input", () => {
  test.each([
    ["a row with a cell too many", { rows: [["N-1", "Oslo", null, 1, 2, 3]] }, "#/input/rows"],
    ["text where a number belongs", { rows: [["N-1", "Oslo", null, "1", 2]] }, "#/input/rows"],
    [
      "a total of texts",
      { columns: [{ title: "A", total: true }], rows: [], chart: undefined },
      "#/input/columns",
    ],
    ["a chart of a column that is not there", { chart: { label: "Shop", value: "Profit" } }, "#/input/chart"],
    ["a chart of texts", { chart: { label: "Shop", value: "Note" } }, "#/input/chart"],
  ])("with %s is refused at once", async (_, change, pointer) => {
    const reply = await example.client.send("POST", "/v1/tasks", {
      body: { type: "report.draw", input: { ...report, rows: rows.slice(0, 3), ...change } },
    });
    expect(reply.status).toBe(422);
    expect(reply.problem()).toMatchObject({ errors: [expect.objectContaining({ pointer })] });
  });
});
