import { expect, test } from "vitest";
import { problemPages } from "../../scripts/pages/problems.ts";

test("a page of a problem links only to pages that the gateway serves, and to other hosts", async () => {
  const pages = await problemPages();
  const links = Object.entries(pages).flatMap(([file, html]) =>
    [...html.matchAll(/ href="([^"]*)"/g)].map(([, target = ""]) => ({ file, target })),
  );
  expect(links.length).toBeGreaterThan(Object.keys(pages).length);
  const served = ({ target }: { target: string }) =>
    /^(https:|#main$|\/openapi\.json$|\/docs$|\/problems(#|$))/.test(target) ||
    `${target.slice(1)}.html` in pages;
  expect(links.filter((link) => !served(link))).toEqual([]);
});
