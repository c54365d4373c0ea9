import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { problemTexts } from "../../scripts/pages/problem-texts.ts";
import { problemIndex, problemPage } from "../../src/http/pages/problems.ts";
import { PROBLEMS, type ProblemCode } from "../../src/shared/problems.ts";
import { root } from "../support/process.ts";

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

function pagesBelow(base: string): Readonly<Record<string, string>> {
  const pages = CODES.map((code) => [`${base}/problems/${code}`, problemPage(base, code)]);
  return { [`${base}/problems`]: problemIndex(base), ...Object.fromEntries(pages) };
}

describe.each(["", "/async", "/a/b%20c"])("a page of a problem below %j", (base) => {
  test("links only to pages that the gateway serves, and to other hosts", () => {
    const pages = pagesBelow(base);
    const links = Object.entries(pages).flatMap(([page, html]) =>
      [...html.matchAll(/ href="([^"]*)"/g)].map(([, target = ""]) => ({ page, target })),
    );
    expect(links.length).toBeGreaterThan(Object.keys(pages).length);
    const served = ({ target }: { target: string }) =>
      /^https:|^#main$/.test(target) ||
      [`${base}/openapi.json`, `${base}/docs`].includes(target) ||
      target.replace(/#.*/, "") in pages;
    expect(links.filter((link) => !served(link))).toEqual([]);
  });

  test("has no script, and loads nothing", () => {
    for (const [page, html] of Object.entries(pagesBelow(base))) {
      expect(html, page).not.toMatch(/<script|<link|\bsrc=|@import|url\(|\[object Object\]|undefined/);
    }
  });

  test("links to headings that are there", () => {
    const index = problemIndex(base);
    const targets = Object.values(pagesBelow(base)).flatMap((html) =>
      [...html.matchAll(/ href="[^"]*\/problems#([^"]*)"/g)].map(([, anchor]) => anchor),
    );
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.filter((anchor) => !index.includes(` id="${anchor}"`))).toEqual([]);
  });
});

test("each problem has a section of its own, which says whose fault it is and what to do", async () => {
  const { sections } = await problemTexts();
  expect(Object.keys(sections).sort()).toEqual([...CODES].sort());
  for (const [code, section] of Object.entries(sections)) {
    expect(section, code).toContain("<strong>Whose fault:</strong>");
    expect(section, code).toContain("<strong>What to do:</strong>");
  }
});

test("the texts are those of docs/reference/errors.md: run scripts/problem-texts.ts after a change", async () => {
  const kept: unknown = JSON.parse(await readFile(join(root, "src/http/pages/problem-texts.json"), "utf8"));
  expect(kept).toEqual(await problemTexts());
});
