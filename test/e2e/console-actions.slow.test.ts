import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect } from "vitest";
import * as z from "zod";
import { startBrowser } from "../support/browser.ts";
import { type Client, newProject, type Reply } from "../support/client.ts";
import { go, heading, onConsole, PATIENCE_MS } from "../support/console.ts";
import { test } from "../support/fixture.ts";

// What an operator does in the console, in a real browser against a real gateway.

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const keyOf = (client: Client): string => client.authorization.slice("Bearer ".length);
const signedIn = (client: Client) => ({ url: client.url, token: keyOf(client) });

const projectOf = (reply: Reply): string => z.object({ project: z.string() }).parse(reply.json()).project;

describe("an operator", { timeout: 4 * PATIENCE_MS, concurrent: false }, () => {
  test("follows a task live, and cancels it", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, delay: "1h" });
    await onConsole(browser, signedIn(client), async (page) => {
      await go(page, `tasks/${id}`, "Task");
      const status = page.getByRole("region", { name: "Summary" }).getByRole("status");
      await status.getByText("scheduled").waitFor();
      await page.getByRole("button", { name: /^Cancel/ }).click();
      await status.getByText("canceled").waitFor();
    });
    expect((await client.task(id)).status).toBe("canceled");
  });

  test("sees a change without a reload when somebody else cancels", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, delay: "1h" });
    await onConsole(browser, signedIn(client), async (page) => {
      await go(page, `tasks/${id}`, "Task");
      const status = page.getByRole("region", { name: "Summary" }).getByRole("status");
      await status.getByText("scheduled").waitFor();
      await client.send("POST", `/v1/tasks/${id}/cancel`);
      await status.getByText("canceled").waitFor();
    });
  });

  test("replays a task, and finds both runs", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: { text: "again" } });
    await client.ended(id);
    await onConsole(browser, signedIn(client), async (page) => {
      await go(page, `tasks/${id}`, "Task");
      await page.getByRole("button", { name: "Replay" }).click();
      await page.getByLabel("Run", { exact: true }).waitFor();
    });
    expect((await client.ended(id)).run).toBe(2);
  });

  test("reads what a receiver answered to each attempt, and redelivers", async ({ client, receiver }) => {
    const answers = [{ status: 503, body: "our database is down" }, { body: "thank you" }];
    // The address has the status in it too: a click on the address opens nothing.
    const inbox = receiver.open(answers, "-503");
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, callbackUrl: inbox.url });
    await client.settled(id);
    await onConsole(browser, signedIn(client), async (page) => {
      await go(page, `tasks/${id}`, "Task");
      const callbacks = page.getByRole("region", { name: "Callbacks" });
      await callbacks.getByText("thank you").waitFor();
      await callbacks.getByText("✕ 503", { exact: true }).click();
      await callbacks.getByText("our database is down").waitFor();
      await callbacks.getByRole("button", { name: "Redeliver" }).click();
      await inbox.wait(3);
    });
  });

  test("copies a command that submits the same task", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: { text: "it's" } });
    await onConsole(browser, signedIn(client), async (page) => {
      await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
      await go(page, `tasks/${id}`, "Task");
      await page.getByRole("button", { name: "Copy as curl" }).click();
      await page.getByRole("button", { name: "Copied" }).waitFor();
      const copied = await page.evaluate("navigator.clipboard.readText()");
      expect(copied).toContain(`curl '${client.url}/v1/tasks'`);
      expect(copied).not.toContain(keyOf(client));
    });
  });

  test("filters tasks, and the address keeps the filter", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.flaky", input: { failures: 9 }, retries: 0 });
    await client.ended(id);
    await onConsole(browser, signedIn(client), async (page) => {
      await go(page, "tasks", "Tasks");
      await page.getByLabel("Status").selectOption("failed");
      await page.getByRole("link", { name: id }).waitFor();
      await page.getByLabel("Type").fill("diagnostics.echo");
      await page.getByRole("button", { name: "Apply" }).click();
      await page.getByText("No task matches.").waitFor();
      expect(page.url()).toContain("status=failed&type=diagnostics.echo");
      await page.goBack();
      await page.reload();
    });
  });

  test("cancels and replays all tasks that match, after a dry run", async ({ stack }) => {
    const client = await newProject(stack.gateway, `bulk-${crypto.randomUUID()}`);
    for (let count = 0; count < 3; count++)
      await client.submit({ type: "diagnostics.echo", input: count, delay: "1h" });
    const other = await client.submit({ type: "diagnostics.flaky", input: { failures: 0 }, delay: "1h" });
    await onConsole(browser, signedIn(client), async (page) => {
      await go(page, "tasks?type=diagnostics.echo", "Tasks");
      await page.getByRole("button", { name: "Cancel matching" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("The dry run found 3 tasks.").waitFor();
      await dialog.getByRole("button", { name: "Cancel 3", exact: true }).click();
      await dialog.getByText("3 of 3 canceled. Finished.").waitFor();
      await dialog.getByRole("button", { name: "Close" }).click();
      await page
        .getByRole("row", { name: /canceled/ })
        .nth(2)
        .waitFor();
      await page.getByRole("button", { name: "Replay matching" }).click();
      await dialog.getByRole("button", { name: "Replay 3", exact: true }).click();
      await dialog.getByText("3 of 3 replayed. Finished.").waitFor();
    });
    expect((await client.task(other.id)).status).toBe("scheduled");
  });

  test("tries a task type with a form, holds its tasks back, and lets them go on", async ({ stack }) => {
    const client = await newProject(stack.gateway, `try-${crypto.randomUUID()}`);
    await onConsole(browser, signedIn(client), async (page) => {
      await go(page, "task-types/diagnostics.flaky", "diagnostics.flaky");
      await page.getByLabel("failures").fill("-1");
      await page.getByRole("button", { name: "Submit a task" }).click();
      await page.getByRole("alert").getByText("#/input/failures").waitFor();
      await page.getByLabel("failures").fill("0");
      await page.getByRole("button", { name: "Submit a task" }).click();
      await heading(page, "Task");
      const status = page.getByRole("region", { name: "Summary" }).getByRole("status");
      await status.getByText("succeeded").waitFor();
      await go(page, "task-types", "Task types");
      const row = page.getByRole("row", { name: /diagnostics\.echo/ });
      await row.getByRole("button", { name: /^Pause/ }).click();
      await row.getByText("paused").waitFor();
      const { id } = await client.submit({ type: "diagnostics.echo", input: 1 });
      await row.getByRole("button", { name: /^Resume/ }).click();
      await row.getByText("runs").waitFor();
      await client.ended(id);
    });
  });

  test("finds a task type that fails half the time from the overview", async ({ stack }) => {
    const client = await newProject(stack.gateway, `half-${crypto.randomUUID()}`);
    const ids: string[] = [];
    for (const failures of [0, 9, 0, 9]) {
      ids.push((await client.submit({ type: "diagnostics.flaky", input: { failures }, retries: 0 })).id);
    }
    await Promise.all(ids.map((id) => client.ended(id)));
    await onConsole(browser, signedIn(client), async (page) => {
      const row = page.getByRole("row", { name: /diagnostics\.flaky/ });
      await row.getByText("(50 %)").waitFor();
      await row.getByRole("link", { name: "2", exact: true }).click();
      await heading(page, "Tasks");
      await page.getByRole("link", { name: ids[1] ?? "" }).click();
      await page.getByRole("region", { name: "Error" }).getByText("flaky").first().waitFor();
    });
  });

  test("sees figures, charts and checks, and steers one project as the admin", async ({ client, stack }) => {
    const task = await client.submit({ type: "diagnostics.echo", input: 1, delay: "1h" });
    const project = projectOf(
      await client.send("POST", "/console/session", { body: { token: keyOf(client) } }),
    );
    await onConsole(browser, { url: client.url, token: stack.gateway.adminToken }, async (page) => {
      const figures = page.getByRole("list").filter({ hasText: "Dead letters" });
      await figures.getByRole("link", { name: /^Open/ }).waitFor();
      await page.getByText("As a table").first().click();
      await page.getByRole("region", { name: "Ends of tasks" }).waitFor();
      await page.getByText("Every check is fine.").waitFor();
      await page.getByLabel("Project").selectOption(project);
      await go(page, `tasks/${task.id}`, "Task");
      await page.getByRole("button", { name: /^Cancel/ }).click();
      await page.getByText("Every change of state").click();
      await page.getByRole("row", { name: /task\.canceled console/ }).waitFor();
    });
  });

  test("with the admin token makes a project and a key, and revokes it", async ({ client, stack }) => {
    const admin = { url: client.url, token: stack.gateway.adminToken };
    const name = `made-${crypto.randomUUID()}`;
    await onConsole(browser, admin, async (page) => {
      await go(page, "projects", "Projects and keys");
      await page.getByRole("button", { name: "Make a project" }).click();
      await page.getByLabel("Name").fill(name);
      await page.getByRole("button", { name: "Make", exact: true }).click();
      await page.getByRole("button", { name: "Make a key" }).click();
      await page.getByLabel("Name").fill("from the console");
      await page.getByRole("button", { name: "Make", exact: true }).click();
      const key = await page.getByText(/^rb_/).textContent();
      const made = await fetch(`${client.url}/v1/tasks`, { headers: { authorization: `Bearer ${key}` } });
      expect(made.status).toBe(200);
      await page.getByRole("button", { name: "Done" }).click();
      await page.getByRole("button", { name: /Revoke.*from the console/ }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
      await page.getByText("No key: nobody can use this project yet.").waitFor();
      const revoked = await fetch(`${client.url}/v1/tasks`, { headers: { authorization: `Bearer ${key}` } });
      expect(revoked.status).toBe(401);
    });
  });

  test("with a key of few scopes sees what they allow, and is told what they do not", async ({ stack }) => {
    const name = `few-scopes-${crypto.randomUUID()}`;
    const task = await (await newProject(stack.gateway, name)).submit({ type: "diagnostics.echo", input: 1 });
    const limited = await newProject(stack.gateway, name, ["tasks:read"]);
    await onConsole(browser, signedIn(limited), async (page) => {
      const navigation = page.getByRole("navigation", { name: "Console" });
      await navigation.getByRole("link", { name: "Tasks", exact: true }).waitFor();
      expect(await navigation.getByRole("link", { name: "Endpoints" }).count()).toBe(0);
      await go(page, `tasks/${task.id}`, "Task");
      const replay = page.getByRole("button", { name: /^Replay/ });
      expect(await replay.getAttribute("aria-disabled")).toBe("true");
      expect(await replay.getAttribute("title")).toBe("This key lacks the scope tasks:write.");
      await go(page, "endpoints", "Endpoints");
      await page.getByText('This API key lacks the scope "endpoints:read".').waitFor();
    });
  });

  test("whose API is slow or away is not kept waiting, and sees what was read before", async ({ client }) => {
    await client.submit({ type: "diagnostics.echo", input: 1 });
    await onConsole(browser, signedIn(client), async (page) => {
      await go(page, "tasks", "Tasks");
      await page.getByRole("row").nth(1).waitFor();
      const { promise: gate, resolve: release } = Promise.withResolvers<void>();
      await page.route("**/v1/**", async (route) => {
        await gate;
        await route.continue();
      });
      await page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Cost" }).click();
      await heading(page, "Cost");
      await page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Tasks" }).click();
      await heading(page, "Tasks");
      release();
      await page.unrouteAll({ behavior: "ignoreErrors" });
      await page.getByRole("row").nth(1).waitFor();
      await page.route("**/v1/tasks?**", (route) =>
        route.fulfill({
          status: 503,
          contentType: "application/problem+json",
          body: JSON.stringify({
            code: "temporarily-unavailable",
            title: "Redis does not answer",
            detail: "Try again.",
          }),
        }),
      );
      await page.getByRole("alert").getByText("Redis does not answer").waitFor();
      expect(await page.getByRole("row").count()).toBeGreaterThan(1);
    });
  });
});
