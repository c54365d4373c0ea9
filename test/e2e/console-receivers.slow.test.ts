import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { startBrowser } from "../support/browser.ts";
import { type Client, eventually } from "../support/client.ts";
import { go, heading, onConsole, PATIENCE_MS } from "../support/console.ts";
import { echoing, register } from "../support/endpoints.ts";
import { test } from "../support/fixture.ts";

// What an operator does about receivers in the console, in a real browser against a real gateway.

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const signedIn = ({ url, authorization }: Client) => ({ url, token: authorization.slice("Bearer ".length) });

describe("an operator of receivers", { timeout: 4 * PATIENCE_MS, concurrent: false }, () => {
  test("registers an endpoint, verifies it, tests it, rotates its secret and deletes it", async ({
    client,
    receiver,
  }) => {
    const inbox = receiver.open(echoing([{ status: 500, body: "not today" }]));
    await onConsole(browser, signedIn(client), async (page) => {
      await go(page, "endpoints", "Endpoints");
      await page.getByRole("button", { name: "Register an endpoint" }).first().click();
      await page.getByLabel("Address").fill(inbox.url);
      await page.getByRole("button", { name: "Register", exact: true }).click();
      await page.getByText(/^whsec_/).waitFor();
      await page.getByRole("button", { name: "Go to the endpoint" }).click();
      await heading(page, "Endpoint");
      await page.getByRole("button", { name: "Verify" }).click();
      await page.getByText("healthy").waitFor();
      await page.getByRole("button", { name: "Send a test event" }).click();
      await page.getByText("The receiver did not accept the test event.").waitFor();
      await page.getByText("not today").waitFor();
      await page.getByRole("button", { name: "Rotate the secret" }).click();
      await page.getByRole("button", { name: "Rotate", exact: true }).click();
      await page.getByText("The new secret").waitFor();
      await page.getByRole("button", { name: "Close" }).click();
      await page.getByRole("button", { name: "Delete" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
      await heading(page, "Endpoints");
    });
  });

  test("finds a broken receiver, mends it, and recovers its dead letters", async ({ client, receiver }) => {
    let broken = true;
    const answers = echoing();
    const inbox = receiver.open((request, index) =>
      broken && !request.body.includes("challenge")
        ? { status: 503, body: "broken" }
        : answers(request, index),
    );
    const { id } = await register(client, { url: inbox.url, retrySchedule: [], events: ["task.succeeded"] });
    await client.send("POST", `/v1/endpoints/${id}/verify`);
    const task = await client.submit({ type: "diagnostics.echo", input: 1 });
    await client.settled(task.id);
    await onConsole(browser, signedIn(client), async (page) => {
      await go(page, `endpoints/${id}`, "Endpoint");
      await page.getByText("0 %").waitFor();
      broken = false;
      await page.getByRole("button", { name: "Recover" }).click();
      await page.getByText("The dry run found 1 dead letter").waitFor();
      await page.getByRole("button", { name: "Recover 1", exact: true }).click();
      await page.getByText("1 of 1 recovered. Finished.").waitFor();
      await page.getByRole("button", { name: "Close" }).click();
    });
    await eventually(async () => expect((await client.settled(task.id)).status).toBe("delivered"));
  });

  test("redelivers dead letters in bulk", async ({ client, receiver }) => {
    const inbox = receiver.open([{ status: 410 }, {}]);
    const callbackUrl = inbox.url;
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, callbackUrl });
    const dead = await eventually(async () => {
      const found = (await client.deliveries(id)).find(({ url }) => url === callbackUrl);
      if (found?.status !== "dead") throw new Error("not dead yet");
      return found;
    });
    await onConsole(browser, signedIn(client), async (page) => {
      await go(page, "dead-letters", "Dead letters");
      const group = page.getByRole("row", { name: new URL(callbackUrl).host }).first();
      await group.getByRole("button", { name: /^Redeliver/ }).click();
      await page
        .getByRole("dialog")
        .getByRole("button", { name: /^Redeliver \d+$/ })
        .click();
      await page.getByText(/Finished/).waitFor();
    });
    await eventually(async () => expect((await client.delivery(dead.id)).status).toBe("delivered"));
  });
});
