import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readResults } from "../bench/results.ts";
import { retentionTable } from "../bench/scale/million.ts";
import { root } from "./support/process.ts";

// The tables of docs/operations/plans.md follow from their own first numbers.

const page = await readFile(join(root, "docs/operations/plans.md"), "utf8");

/** The rows of the table under a heading, as cells. */
function table(heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = section.match(/^\|.*\|$/gm) ?? [];
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

const number = (text: string): number => Number(text.replaceAll(/[^\d.]/g, ""));

test("runs are the calls in flight, divided by the run time", () => {
  const [head = [], , ...rows] = table("1. Calls in flight");
  const slots = head.slice(1).map((cell) => number(cell.split(":")[1] ?? ""));
  expect(slots).toEqual([10, 100, 200, 1_000]);
  const unit: Readonly<Record<string, number>> = { ms: 0.001, s: 1, min: 60 };
  for (const [time = "", ...cells] of rows) {
    const [amount = "", name = ""] = time.split(" ");
    const seconds = Number(amount) * (unit[name] ?? Number.NaN);
    const rates = cells.map((cell) => number(cell) / (cell.endsWith("/min") ? 60 : 1));
    expect(rates, time).toEqual(slots.map((count) => expect.closeTo(count / seconds, 6)));
  }
});

test("the monthly sums follow from the prices and the counted commands", async () => {
  const commands = table("3. Redis commands");
  const cell = (row: RegExp, column: number): number =>
    number(commands.find(([name = ""]) => row.test(name))?.[column] ?? "");
  const perTask = (await readResults()).counts.happy.commands;
  const idle = 1.5 * 60 * 24 * 30;
  expect(cell(/^tasks a month/, 1)).toBe(
    Math.floor((cell(/^commands$/, 1) - idle) / perTask / 1_000) * 1_000,
  );
  expect(cell(/^price of 1,000,000/, 2)).toBe((perTask * 1_000_000 * 0.2) / 100_000);
  expect(page).toContain(`${idle.toLocaleString("en")} a month`);
});

test("the table of retentions is that of npm run scale", async () => {
  const { counts, tasks } = await readResults();
  const own = tasks.find((one) => one.runtime === "workerd" && one.contender === "Ringback");
  expect(page).toContain(retentionTable(counts, (own?.cpu.own ?? Number.NaN) / 1_000));
});
