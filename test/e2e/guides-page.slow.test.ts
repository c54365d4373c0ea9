import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { startBrowser } from "../support/browser.ts";
import { test } from "../support/fixture.ts";

// The documentation in a real browser, on a phone and on a desk.

const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 900 };

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

/** Opens the documentation, uses it, and fails if a request left the gateway or the console complains. */
async function onGuides(
  origin: string,
  viewport: typeof PHONE,
  use: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ viewport });
  try {
    const requests: string[] = [];
    const complaints: string[] = [];
    context.on("request", (request) => requests.push(request.url()));
    context.on("console", (message) => {
      if (["warning", "error"].includes(message.type())) complaints.push(message.text());
    });
    context.on("weberror", (error) => complaints.push(error.error().message));
    const page = await context.newPage();
    await page.goto(`${origin}/docs/guides`);
    await use(page);
    expect(complaints).toEqual([]);
    const others = requests.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith("data:"));
    expect(others).toEqual([]);
  } finally {
    await context.close();
  }
}

const overflow = (page: Page): Promise<number> =>
  page.evaluate("document.documentElement.scrollWidth - window.innerWidth");

describe("the documentation in a browser", { timeout: 120_000, concurrent: false }, () => {
  test("finds a page by words, and opens it at the section", async ({ client }) => {
    await onGuides(client.url, PHONE, async (page) => {
      await page.getByRole("searchbox", { name: "Search" }).fill("backup sweep schedule");
      const first = page.getByRole("status").getByRole("link").first();
      await first.waitFor();
      expect(await overflow(page)).toBe(0);
      await page.getByRole("link", { name: /^6\. Backup sweep/ }).click();
      await page.getByRole("heading", { name: "How do I deploy the gateway?" }).waitFor();
      expect(page.url()).toBe(`${client.url}/docs/guides/deploy#6-backup-sweep`);
    });
  });

  test("shows the images of a page", async ({ client }) => {
    await onGuides(client.url, PHONE, async (page) => {
      for (const name of ["console", "reports/performance", "readme"]) {
        await page.goto(`${client.url}/docs/guides/${name}`);
        for (const image of await page.getByRole("main").getByRole("img").all()) {
          await image.scrollIntoViewIfNeeded();
          await expect
            .poll(() => image.evaluate((one) => Reflect.get(one, "naturalWidth")), { timeout: 10_000 })
            .toBeGreaterThan(100);
        }
        expect([name, await overflow(page)]).toEqual([name, 0]);
      }
    });
  });

  test("says when no page has the words", async ({ client }) => {
    await onGuides(client.url, DESK, async (page) => {
      await page.getByRole("searchbox").fill("qqqqqqqqqqqq");
      await page.getByText("No page has “qqqqqqqqqqqq”.").waitFor();
      await page.getByRole("searchbox").fill("");
      await page.getByText("No page has").waitFor({ state: "hidden" });
    });
  });

  test("fits a phone: nothing on any page scrolls the page sideways", async ({ client }) => {
    await onGuides(client.url, PHONE, async (page) => {
      await page.getByText("All pages", { exact: true }).click();
      const links = page.getByRole("navigation", { name: "Pages" }).getByRole("link");
      const addresses: string[] = await links.evaluateAll((all) =>
        all.map((one) => `${Reflect.get(one, "href")}`),
      );
      expect(addresses.length).toBeGreaterThan(45);
      for (const address of addresses) {
        await page.goto(address);
        expect([address, await overflow(page)]).toEqual([address, 0]);
      }
    });
  });
});
