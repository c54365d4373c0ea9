import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { startBrowser } from "../support/browser.ts";
import type { Client } from "../support/client.ts";
import { go, onConsole, PATIENCE_MS, type Seen } from "../support/console.ts";
import { echoing, register } from "../support/endpoints.ts";
import { test } from "../support/fixture.ts";

// What clients and receivers write is shown to operators: none of it may ever run, load or become markup.

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const keyOf = (client: Client): string => client.authorization.slice("Bearer ".length);

/** Each would leave a mark if it became markup, and ask another host. */
const ATTACKS = [
  '<img src="https://evil.example/x.png" onerror="document.title=1;alert(1)">',
  "<script>alert(2)</script>",
  '"><svg onload=alert(3)>',
  "javascript:alert(4)",
  "<style>*{display:none}</style><iframe src=https://evil.example>",
  "{{constructor.constructor('alert(5)')()}}",
  "</pre><a href=//evil.example>x</a>",
  "‮ rtl  ​\u0000",
] as const;

/** The text is shown as it was written, and the page has no element that it would make. */
async function showsAsText(page: Page, attack: string): Promise<void> {
  const shown = await page.evaluate("document.body.textContent");
  expect(shown).toContain(attack.replaceAll("\u0000", "\\u0000").slice(0, 12));
}

async function isClean(page: Page, seen: Seen): Promise<void> {
  const strangers =
    'img:not([src*="/console/icon.svg"]), iframe, object, embed, style:not([data-own]), svg [onload]';
  const found = await page.evaluate(
    `[...document.body.querySelectorAll(${JSON.stringify(strangers)})].map((one) => one.outerHTML)`,
  );
  expect(found).toEqual([]);
  const scripts = await page.evaluate("[...document.scripts].map(({ src }) => new URL(src).pathname)");
  expect(scripts).toEqual(["/console/app.js"]);
  const links = await page.evaluate(
    "[...document.links].map(({ protocol, host }) => `${protocol}//${host}`)",
  );
  const own = new URL(page.url());
  expect(new Set(links as string[])).toEqual(new Set([`${own.protocol}//${own.host}`]));
  expect(seen.dialogs).toEqual([]);
}

describe("texts of strangers in the console", { timeout: 5 * PATIENCE_MS, concurrent: false }, () => {
  test("stay texts in inputs, results, errors, metadata and answers of receivers", async ({
    client,
    receiver,
  }) => {
    const attack = ATTACKS.join(" ");
    const body = attack.replaceAll("\u0000", "");
    const callbackUrl = receiver.open([{ status: 500, body: `<!doctype html>${body}` }]).url;
    const metadata = Object.fromEntries(
      ATTACKS.slice(0, 5).map((text, index) => [text.slice(0, 60), `${index}${text}`]),
    );
    const { id } = await client.submit({
      type: "diagnostics.echo",
      input: { [body]: body, list: ATTACKS },
      callbackUrl,
      metadata,
    });
    await client.ended(id);
    await onConsole(browser, { url: client.url, token: keyOf(client) }, async (page, seen) => {
      await go(page, "tasks", "Tasks");
      await isClean(page, seen);
      await go(page, `tasks/${id}`, "Task");
      await page.getByRole("region", { name: "Callbacks" }).getByText("<!doctype html>").first().waitFor();
      for (const one of ATTACKS) await showsAsText(page, one);
      await isClean(page, seen);
    });
  });

  test("stay texts in endpoints' descriptions and addresses, and in error messages of services", async ({
    client,
    receiver,
  }) => {
    const [image] = ATTACKS;
    const url = `${receiver.open(echoing()).url}?q=${encodeURIComponent(image)}`;
    const { id } = await register(client, { url, description: ATTACKS.join(" ").slice(0, 250) });
    await onConsole(browser, { url: client.url, token: keyOf(client) }, async (page, seen) => {
      for (const [place, title] of [
        ["endpoints", "Endpoints"],
        [`endpoints/${id}`, "Endpoint"],
      ] as const) {
        await go(page, place, title);
        await showsAsText(page, image);
        await isClean(page, seen);
      }
    });
  });

  test("stay texts in addresses that somebody is lured to", async ({ client }) => {
    await onConsole(browser, { url: client.url, token: keyOf(client) }, async (page, seen) => {
      for (const attack of ATTACKS.slice(0, 5)) {
        const text = encodeURIComponent(attack);
        await go(page, `tasks/${text}`, "Task");
        await showsAsText(page, attack);
        await isClean(page, seen);
        await go(page, `tasks?type=${text}&metadata=${text}&since=24h`, "Tasks");
        await isClean(page, seen);
        await go(page, `task-types/${text}`, attack);
        await isClean(page, seen);
      }
    });
  });

  test("are stopped by the policy even if one became markup", async ({ client }) => {
    await onConsole(browser, { url: client.url, token: keyOf(client) }, async (page, seen) => {
      const tried = await page.evaluate(`(() => {
        const outcomes = [];
        try { document.body.insertAdjacentHTML("beforeend", "<img src=x onerror=alert(6)>"); outcomes.push("markup"); }
        catch (error) { outcomes.push(error.name); }
        const script = document.createElement("script");
        try { script.text = "alert(7)"; outcomes.push("script"); } catch (error) { outcomes.push(error.name); }
        try { document.body.setAttribute("onclick", "alert(8)"); outcomes.push("handler"); }
        catch (error) { outcomes.push(error.name); }
        return outcomes;
      })()`);
      expect(tried).toEqual(["TypeError", "TypeError", "TypeError"]);
      expect(seen.complaints.length).toBeGreaterThan(0);
      seen.complaints.splice(0); // the browser's reports of what it has stopped
    });
  });
});

describe("a session of the console", { timeout: 3 * PATIENCE_MS, concurrent: false }, () => {
  test("cannot be read by scripts, and is not sent by pages of another origin", async ({
    client,
    receiver,
  }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, delay: "1h" });
    const page2 = `<!doctype html><form method="post" action="${client.url}/v1/tasks/${id}/cancel"><button>x</button></form>`;
    const evil = receiver
      .open([{ headers: { "content-type": "text/html" }, body: page2 }])
      .url.replace("127.0.0.1", "localhost");
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      await page.goto(`${client.url}/console`);
      await page.getByLabel("Admin token or API key").fill(keyOf(client));
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
      expect(await page.evaluate("document.cookie")).toBe("");
      const stranger = await context.newPage();
      await stranger.goto(evil);
      const requests: Record<string, string>[] = [];
      context.on("request", (request) => {
        if (request.url().startsWith(client.url))
          void request.allHeaders().then((headers) => requests.push(headers));
      });
      const fetched = await stranger.evaluate(
        `Promise.all([
          fetch(${JSON.stringify(`${client.url}/v1/tasks/${id}/cancel`)}, { method: "POST", credentials: "include", mode: "no-cors" }).then(() => "read", () => "stopped"),
          fetch(${JSON.stringify(`${client.url}/v1/tasks/${id}/cancel`)}, { method: "POST", credentials: "include", headers: { "Ringback-Request": "1" } }).then(() => "read", () => "stopped"),
        ])`,
      );
      expect(fetched).toEqual(["stopped", "stopped"]);
      await stranger.getByRole("button", { name: "x" }).click();
      await stranger.waitForURL(`${client.url}/**`);
      expect(requests.filter(({ cookie }) => cookie?.includes("ringback-console"))).toEqual([]);
      expect((await client.task(id)).status).toBe("scheduled");
    } finally {
      await context.close();
    }
  });
});
