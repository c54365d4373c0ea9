import { describe, expect, it } from "vitest";
import * as z from "zod";
import { MAX_GROUPS, MAX_KEY_LENGTH } from "../../src/task-types/report-aggregate.ts";
import { reportGenerate } from "../../src/task-types/report-generate.ts";
import { faults, run, taskError } from "./context.ts";

const resultSchema = z.strictObject({
  rows: z.number(),
  groups: z.array(z.looseObject({ key: z.string() })),
  html: z.string(),
});

type Aggregates = Readonly<Record<string, string>>;

async function report(csv: string, groupBy: string, aggregate: Aggregates) {
  return resultSchema.parse(await run(reportGenerate, { csv, groupBy, aggregate }));
}

async function refusal(csv: string, groupBy = "g", aggregate: Aggregates = { n: "sum" }) {
  const { code, message, retryable } = await taskError(run(reportGenerate, { csv, groupBy, aggregate }));
  expect(retryable).toBe(false);
  return `${code}: ${message}`;
}

const SALES =
  "region,product,amount,note\nnorth,a,10.10,\nsouth,b,-2,x\nnorth,b,0.20,y\nsouth,a,4,z\neast,a,1,\n";

describe("a report", () => {
  it("has the groups in order of key, and each column aggregated as asked", async () => {
    const result = await report(SALES, "region", { amount: "sum", note: "count" });
    expect(result.rows).toBe(5);
    expect(result.groups).toEqual([
      { key: "east", amount: 1, note: 0 },
      { key: "north", amount: 10.3, note: 1 },
      { key: "south", amount: 2, note: 2 },
    ]);
  });

  it.each([
    ["sum", 10.3, 2],
    ["avg", 5.15, 1],
    ["min", 0.2, -2],
    ["max", 10.1, 4],
    ["count", 2, 2],
  ])("%s", async (aggregate, north, south) => {
    const { groups } = await report(SALES, "region", { amount: aggregate });
    expect(groups.slice(1)).toEqual([
      { key: "north", amount: north },
      { key: "south", amount: south },
    ]);
  });

  it("is sorted by code points", async () => {
    const { groups } = await report("g,n\n\u{1f600},1\n\uff5e,1\nä,1\nz,1\nZ,1\n,1\n10,1\n9,1\nza,1", "g", {
      n: "sum",
    });
    expect(groups.map(({ key }) => key)).toEqual(["", "10", "9", "Z", "z", "za", "ä", "\uff5e", "\u{1f600}"]);
  });

  it("may have no rows, and no aggregates", async () => {
    expect(await report("g,n\n", "g", { n: "avg" })).toMatchObject({ rows: 0, groups: [] });
    expect(await report("g,n\nx,1\nx,2", "g", {})).toMatchObject({ rows: 2, groups: [{ key: "x" }] });
  });

  it("takes names that JavaScript objects have as what they are: names", async () => {
    const csv = "__proto__,constructor,toString\n__proto__,1,2\nconstructor,3,4\n__proto__,5,6";
    const { groups } = await report(csv, "__proto__", { constructor: "sum", toString: "max" });
    expect(JSON.stringify(groups)).toBe(
      '[{"key":"__proto__","constructor":6,"toString":6},{"key":"constructor","constructor":3,"toString":4}]',
    );
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain("key");
  });
});

describe("the document", () => {
  it("is complete, and has the groups, the totals and the numbers as people read them", async () => {
    const { html } = await report("g,n\na,1234567.5\nb,0.25\n", "g", { n: "sum" });
    expect(html).toMatch(
      /^<!doctype html>\n<html lang="en">[\s\S]*<title>Report by g<\/title>[\s\S]*<\/html>\n$/,
    );
    expect(html).toContain("2 rows in 2 groups");
    expect(html).toContain('<th scope="row">a</th><td>1,234,567.5</td>');
    expect(html).toContain('<th scope="row">All</th><td>1,234,567.75</td>');
    expect(html).toContain("task_01");
  });

  it("escapes every text of the CSV", async () => {
    const evil = `<script>alert("1")</script>&'`;
    const quoted = `"${evil.replaceAll('"', '""')}"`;
    const { html, groups } = await report(`${quoted},n\n${quoted},1`, evil, { n: "sum" });
    expect(groups).toEqual([{ key: evil, n: 1 }]);
    expect(html).not.toContain("<script");
    expect(html).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;");
  });
});

describe("invalid-csv, with the line", () => {
  it.each([
    ["a missing column to group by", "x,n\n1,2", "Line 1: there is no column"],
    ["a missing column to aggregate", "g,x\n1,2", 'Line 1: there is no column "n"'],
    ["a column that is there twice", "g,n,n\n1,2,3", 'Line 1: there are two columns "n"'],
    ["no header", "", "Line 1: there is no header"],
    ["no number", "g,n\na,1\nb,x\n", 'Line 3: "x" in column "n" is no number'],
    ["an empty value", "g,n\na,1\n\nb,\n", 'Line 4: "" in column "n" is no number'],
    ["a thousands separator", 'g,n\na,"1,000"', "Line 2: "],
    ["a number after a field of several lines", 'g,n\n"a\nb",1\nc,x', 'Line 4: "x"'],
    ["a row that is too short", "g,n\na,1\nb\n", "Line 3: the row has 1 fields, the header has 2"],
    ["a row that is too long", "g,n\na,1,2\n", "Line 2: the row has 3 fields"],
    ["a broken quote", 'g,n\na,1\n"b,2\nc,3\n', "Line 3: a quoted field is not closed"],
  ])("%s", async (_name, csv, expected) => {
    expect(await refusal(csv)).toContain(`invalid-csv: ${expected}`);
  });

  it("shortens what it quotes", async () => {
    expect((await refusal(`g,n\na,${"9".repeat(500)}x`)).length).toBeLessThan(200);
  });
});

describe("limits", () => {
  const keys = (count: number) => Array.from({ length: count }, (_, index) => `k${index},1`).join("\n");

  it("groups, values and the length of keys", async () => {
    expect((await report(`g,n\n${keys(MAX_GROUPS)}`, "g", { n: "sum" })).groups).toHaveLength(MAX_GROUPS);
    expect(await refusal(`g,n\n${keys(MAX_GROUPS + 1)}`)).toContain(
      `report-too-large: Line ${MAX_GROUPS + 2}`,
    );
    expect(await refusal(`g,n\n${"k".repeat(MAX_KEY_LENGTH + 1)},1`)).toContain("report-too-large: Line 2");
    const columns = ["a", "b", "c", "d", "e", "f"];
    const wide = keys(MAX_GROUPS).replaceAll(",1", ",1,1,1,1,1,1");
    const measures = Object.fromEntries(columns.map((column) => [column, "sum"]));
    expect(await refusal(`g,${columns}\n${wide}`, "g", measures)).toContain("report-too-large: Line 8335");
  });
});

describe("the input", () => {
  const good = { csv: "g,n", groupBy: "g", aggregate: { n: "sum" } };
  it.each<[string, object, string[]]>([
    ["csv", good, []],
    ["csvUrl", { ...good, csv: undefined, csvUrl: "https://a.example/x.csv" }, []],
    ["both", { ...good, csvUrl: "https://a.example/x.csv" }, [""]],
    ["neither", { ...good, csv: undefined }, [""]],
    ["another aggregate", { ...good, aggregate: { n: "median" } }, ["aggregate/n"]],
    ["a column that hides the key", { ...good, aggregate: { key: "sum" } }, ["aggregate"]],
    ["__proto__ to aggregate", { ...good, aggregate: JSON.parse('{"__proto__":"sum"}') }, ["aggregate"]],
    ["no aggregate", { csv: "g,n", groupBy: "g" }, ["aggregate"]],
    ["an unknown field", { ...good, delimiter: ";" }, [""]],
    [
      "too many columns",
      { ...good, aggregate: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`c${i}`, "sum"])) },
      ["aggregate"],
    ],
  ])("%s", (_name, input, expected) => {
    expect(faults(reportGenerate, input)).toEqual(expected);
  });

  it("declares csvUrl, so that it is judged at submit", () => {
    expect(reportGenerate.urls?.({ ...good, csvUrl: "http://x" })).toEqual({ "/csvUrl": "http://x" });
    expect(reportGenerate.urls?.(good)).toEqual({});
  });
});
