import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { expect } from "vitest";
import * as z from "zod";

/** How long a page may take: the machine may be busy. */
export const PATIENCE_MS = 60_000;

export const DESKTOP: BrowserContextOptions = { viewport: { width: 1280, height: 900 } };
export const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
};

/** The doings of a page while a test used it. */
export interface Seen {
  /** Warnings and errors of the console (a violation of the policy is one), and uncaught errors. */
  readonly complaints: string[];
  /** Origins that it asked. */
  readonly origins: Set<string>;
  /** Dialogs that a script opened, such as an alert: an attack that worked. */
  readonly dialogs: string[];
}

/** The browser reports each answer that is an error; the test asked for it. */
const EXPECTED = /^Failed to load resource: the server responded with a status of [45]/;

interface Options {
  readonly url: string;
  /** The admin token or an API key; none: the page is not signed in. */
  readonly token?: string;
  readonly context?: BrowserContextOptions;
}

/** Opens the console, signs in, uses it, and fails if it complained, asked another origin, or ran a script of others. */
export async function onConsole(
  browser: Browser,
  { url, token, context: options = DESKTOP }: Options,
  use: (page: Page, seen: Seen) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options);
  const seen: Seen = { complaints: [], origins: new Set(), dialogs: [] };
  try {
    context.on("request", (request) => seen.origins.add(originOf(request.url())));
    context.on("console", (message) => {
      const bad = ["warning", "error"].includes(message.type());
      if (bad && !EXPECTED.test(message.text())) seen.complaints.push(message.text());
    });
    context.on("weberror", (error) => seen.complaints.push(error.error().message));
    context.on("dialog", (dialog) => {
      seen.dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(`${url}/console`);
    if (token !== undefined) await signIn(page, token);
    await use(page, seen);
    expect(seen.complaints).toEqual([]);
    expect(seen.dialogs).toEqual([]);
    expect([...seen.origins].filter((origin) => origin !== "null")).toEqual([url]);
  } finally {
    await context.close();
  }
}

const originOf = (url: string): string => new URL(url).origin;

export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel("Admin token or API key").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await heading(page, "Overview");
}

/** Waits until the page with this heading is there. */
export async function heading(page: Page, name: string): Promise<void> {
  await page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
}

/** Goes to a place of the console, and waits until what it shows has been read. */
export async function go(page: Page, place: string, name: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(`#/${place}`)}`);
  await heading(page, name);
  await page.locator(".skeleton").first().waitFor({ state: "detached" });
}

/** How far a reader could scroll the page sideways. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate("document.documentElement.scrollWidth - window.innerWidth");

const findings = z.array(
  z.object({ id: z.string(), impact: z.string(), nodes: z.array(z.object({ html: z.string() })) }),
);

/** The findings of axe that keep somebody from using the page. */
export async function seriousFindings(page: Page): Promise<string[]> {
  const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(source);
  const found = findings.parse(await page.evaluate("axe.run().then(({ violations }) => violations)"));
  return found
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
}
