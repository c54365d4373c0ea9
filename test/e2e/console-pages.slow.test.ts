import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { startBrowser } from "../support/browser.ts";
import type { Client } from "../support/client.ts";
import {
  DESKTOP,
  go,
  heading,
  onConsole,
  overflow,
  PATIENCE_MS,
  PHONE,
  seriousFindings,
  signIn,
} from "../support/console.ts";
import { echoing, register } from "../support/endpoints.ts";
import { test } from "../support/fixture.ts";
import type { Receiver } from "../support/receiver.ts";

// The console at /console in a real browser: each page, on a desktop and on a phone, light and dark.

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const keyOf = (client: Client): string => client.authorization.slice("Bearer ".length);

interface Things {
  readonly task: string;
  readonly failed: string;
  readonly endpoint: string;
}

let made: Promise<Things> | undefined;

/** Something of everything, in the file's project. */
function things(client: Client, receiver: Receiver): Promise<Things> {
  made ??= make(client, receiver);
  return made;
}

async function make(client: Client, receiver: Receiver): Promise<Things> {
  const endpoint = await register(client, {
    url: receiver.open(echoing([{ status: 503, body: "down" }])).url,
  });
  await client.send("POST", `/v1/endpoints/${endpoint.id}/verify`);
  const callbackUrl = receiver.open([{ status: 503, body: "first down" }, {}]).url;
  const csv = "region,amount\nnorth,40\nsouth,7\n";
  const input = { csv, groupBy: "region", aggregate: { amount: "sum" } };
  const metadata = { orderId: "o-1" };
  const task = await client.submit({ type: "report.generate", input, callbackUrl, metadata });
  const bad = { ...input, csv: "region,amount\nnorth,x\n" };
  const failed = await client.submit({ type: "report.generate", input: bad });
  await Promise.all([client.ended(task.id), client.ended(failed.id)]);
  return { task: task.id, failed: failed.id, endpoint: endpoint.id };
}

/** Every page: its place, and its heading. */
const pages = ({
  task,
  failed,
  endpoint,
}: Things): readonly (readonly [place: string, heading: string])[] => [
  ["", "Overview"],
  ["tasks", "Tasks"],
  [`tasks/${task}`, "Task"],
  [`tasks/${failed}`, "Task"],
  ["tasks/task_01kawv0m1ne0nvxf9dkb2jc5h0", "Task"],
  ["endpoints", "Endpoints"],
  [`endpoints/${endpoint}`, "Endpoint"],
  ["dead-letters", "Dead letters"],
  ["task-types", "Task types"],
  ["task-types/report.generate", "report.generate"],
  ["projects", "Projects and keys"],
  ["cost", "Cost"],
  ["nowhere", "Nothing is here"],
];

describe("the console", { timeout: 5 * PATIENCE_MS, concurrent: false }, () => {
  for (const [name, shape] of [
    ["desktop", DESKTOP],
    ["phone", PHONE],
  ] as const) {
    for (const colorScheme of ["light", "dark"] as const) {
      test(`has no page that keeps somebody out, on a ${name} that is ${colorScheme}`, async ({
        client,
        receiver,
      }) => {
        const all = pages(await things(client, receiver));
        const context = { ...shape, colorScheme };
        await onConsole(browser, { url: client.url, token: keyOf(client), context }, async (page) => {
          for (const [place, title] of all) {
            await go(page, place, title);
            expect(await overflow(page), `${place} scrolls sideways`).toBe(0);
            expect(await seriousFindings(page), place).toEqual([]);
          }
        });
      });
    }
  }

  test("asks nobody in who is not signed in, and says why a credential is refused", async ({ client }) => {
    await onConsole(browser, { url: client.url }, async (page) => {
      await page.getByRole("heading", { name: "Sign in to Ringback" }).waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await page.getByLabel("Admin token or API key").fill("rb_wrong");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page
        .getByRole("alert")
        .getByText("This is neither the admin token nor a valid API key.")
        .waitFor();
      await signIn(page, keyOf(client));
    });
  });

  test("stays signed in over a reload, keeps the credential nowhere, and signs out", async ({ client }) => {
    await onConsole(browser, { url: client.url, token: keyOf(client) }, async (page) => {
      await page.reload();
      await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
      const stored = await page.evaluate(
        "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])",
      );
      expect(stored).toBe('[{},{},""]');
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "Sign in to Ringback" }).waitFor();
      expect(await page.context().cookies()).toEqual([]);
    });
  });

  test("is used with the keyboard alone", async ({ client, receiver }) => {
    const { task } = await things(client, receiver);
    await onConsole(browser, { url: client.url, token: keyOf(client) }, async (page) => {
      await go(page, "tasks", "Tasks");
      const focused = () => page.evaluate("document.activeElement?.textContent?.trim()");
      await expect.poll(focused).toBe("Tasks");
      for (let presses = 0; presses < 60 && (await focused()) !== task; presses++)
        await page.keyboard.press("Tab");
      expect(await focused()).toBe(task);
      await page.keyboard.press("Enter");
      await heading(page, "Task");
      await expect.poll(focused).toBe("Task");
    });
  });

  test("on a phone has a menu that opens and closes", async ({ client }) => {
    await onConsole(browser, { url: client.url, token: keyOf(client), context: PHONE }, async (page) => {
      const link = page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Endpoints" });
      expect(await link.isVisible()).toBe(false);
      await page.getByRole("button", { name: "Menu" }).click();
      await link.click();
      await heading(page, "Endpoints");
      await link.waitFor({ state: "hidden" });
    });
  });
});
