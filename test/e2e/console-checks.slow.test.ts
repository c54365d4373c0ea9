import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject } from "vitest";
import { startBrowser } from "../support/browser.ts";
import { onConsole, PATIENCE_MS } from "../support/console.ts";
import { test } from "../support/fixture.ts";
import { startGateway } from "../support/stack.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

describe("the overview", { timeout: 4 * PATIENCE_MS }, () => {
  test("names a wrong signing key within a minute, and how to mend it", async () => {
    const { runtime, backing } = inject("stack");
    const wrong = {
      ...backing,
      qstash: { ...backing.qstash, currentSigningKey: "sig_wrong", nextSigningKey: "sig_wrong2" },
    };
    const gateway = await startGateway(runtime, wrong);
    try {
      await onConsole(browser, { url: gateway.url, token: gateway.adminToken }, async (page) => {
        const began = performance.now();
        const check = page
          .getByRole("region", { name: "Checks of the deployment" })
          .getByRole("listitem")
          .first();
        await check.getByText("queue-delivery").waitFor();
        await check.getByText("QSTASH_CURRENT_SIGNING_KEY").first().waitFor();
        expect(performance.now() - began).toBeLessThan(60_000);
      });
    } finally {
      await gateway.running.stop();
    }
  });
});
