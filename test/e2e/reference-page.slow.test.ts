import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { startBrowser } from "../support/browser.ts";
import { test } from "../support/fixture.ts";

// The page at /docs in a real browser. Its viewer is a library's, so these tests hold it to what we promise of it.

/** How long the page may take until it shows something: the script has 5 MB, and the machine may be busy. */
const PATIENCE_MS = 50_000;

const DESKTOP: BrowserContextOptions = { viewport: { width: 1280, height: 900 } };
const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
};

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

/** What a page did while a test used it. */
interface Seen {
  /** The address of every request, whatever asked for it. */
  readonly requests: string[];
  /** What the console shows as a warning or an error (a violation of the policy is one), and uncaught errors. */
  readonly complaints: string[];
}

/** Opens /docs, uses it, and fails if a request left the gateway's origin or the console complains. */
async function onDocs(
  origin: string,
  options: BrowserContextOptions,
  use: (page: Page, seen: Seen) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options);
  try {
    const seen: Seen = { requests: [], complaints: [] };
    context.on("request", (request) => seen.requests.push(request.url()));
    context.on("console", (message) => {
      if (["warning", "error"].includes(message.type())) seen.complaints.push(message.text());
    });
    context.on("weberror", (error) => seen.complaints.push(error.error().message));
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(`${origin}/docs`);
    await page.getByRole("heading", { name: "Ringback", exact: true }).waitFor();
    await use(page, seen);
    expect(seen.complaints).toEqual([]);
    expect([...new Set(seen.requests.filter((url) => !url.startsWith("data:")).map(originOf))]).toEqual([
      origin,
    ]);
  } finally {
    await context.close();
  }
}

const originOf = (url: string): string => new URL(url.replace(/^blob:/, "")).origin;

/** Goes to an operation as a reader does: by the search. */
async function find(page: Page, words: string, summary: string): Promise<void> {
  await page
    .getByRole("button", { name: /^open search/i })
    .first()
    .click();
  await page.getByRole("combobox", { name: "Enter search query" }).fill(words);
  await page
    .getByRole("option", { name: `Operation: ${summary}` })
    .first()
    .click();
  await page.getByRole("heading", { name: summary }).waitFor();
}

/** How far a reader could scroll the page sideways. */
const overflow = (page: Page): Promise<number> =>
  page.evaluate("document.documentElement.scrollWidth - window.innerWidth");

describe("the reference at /docs", { timeout: 4 * PATIENCE_MS, concurrent: false }, () => {
  test("shows the operations of every chapter and asks no other host", async ({ client }) => {
    await onDocs(client.url, DESKTOP, async (page, seen) => {
      const navigation = page.getByRole("complementary", { name: "Sidebar for Ringback" });
      for (const chapter of ["Tasks", "Endpoints", "Deliveries", "Administration"])
        await navigation.getByRole("link", { name: chapter, exact: true }).waitFor();
      await navigation.getByRole("link", { name: /Submit a task/ }).click();
      const operation = page.getByRole("region", { name: /Submit a task/ });
      await operation.getByRole("heading", { name: "Submit a task" }).waitFor();
      await operation.getByText("callbackUrl", { exact: true }).first().waitFor();
      expect(seen.requests).toContain(`${client.url}/openapi.json`);
    });
  });

  test("finds an operation by a word", async ({ client }) => {
    await onDocs(client.url, DESKTOP, async (page) => {
      await find(page, "cancel", "Cancel a task");
      expect(page.url()).toContain("/v1/tasks/{id}/cancel");
    });
  });

  test("sends an authorized request to this gateway and shows its answer", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1 });
    await onDocs(client.url, DESKTOP, async (page, seen) => {
      await page
        .getByRole("textbox", { name: /token/i })
        .first()
        .fill(client.authorization.slice("Bearer ".length));
      await find(page, "newest first", "List the project's tasks");
      await page.getByRole("button", { name: "Test Request (get /v1/tasks)" }).click();
      const sent = page.waitForRequest((request) => new URL(request.url()).pathname === "/v1/tasks");
      const dialog = page.getByRole("dialog", { name: "API Client" });
      await dialog.getByRole("button", { name: /^send get request/i }).click();
      expect(await (await sent).headerValue("authorization")).toBe(client.authorization);
      const answer = dialog.getByRole("region", { name: "Response" });
      await answer.getByText("200 OK").waitFor();
      await answer.getByText(id).first().waitFor();
      expect(seen.requests.filter((url) => url.startsWith("blob:"))).toEqual([]);
    });
  });

  test("keeps no key when it is left", async ({ client }) => {
    const key = client.authorization.slice("Bearer ".length);
    await onDocs(client.url, DESKTOP, async (page) => {
      const field = page.getByRole("textbox", { name: /token/i }).first();
      const stored = (): Promise<string> =>
        page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])");
      await page.clock.install();
      await field.fill(key);
      await page.clock.runFor(60_000); // past every delay before a write
      expect(await stored()).not.toContain(key);
      await page.reload();
      await field.waitFor();
      expect([await field.inputValue(), await page.evaluate("indexedDB.databases()")]).toEqual(["", []]);
      expect(await stored()).not.toContain(key);
    });
  });

  for (const colorScheme of ["light", "dark"] as const) {
    test(`fits a phone that is ${colorScheme}: nothing to scroll sideways, and the navigation opens`, async ({
      client,
    }) => {
      await onDocs(client.url, { ...PHONE, colorScheme }, async (page) => {
        expect(await overflow(page)).toBe(0);
        await page.getByRole("button", { name: /open menu/i }).click();
        const entry = page.getByRole("link", { name: /Submit a task/ }).first();
        await entry.waitFor();
        expect(await overflow(page)).toBe(0);
        await entry.click();
        await page.getByRole("heading", { name: "Submit a task" }).waitFor();
        expect(await overflow(page)).toBe(0);
      });
    });
  }
});
