import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { startBrowser } from "../support/browser.ts";
import { onConsole, PATIENCE_MS } from "../support/console.ts";
import { test } from "../support/fixture.ts";
import { startBacking, startGateway } from "../support/stack.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

describe("the overview", { timeout: 4 * PATIENCE_MS }, () => {
  test("names a wrong signing key within a minute, and how to mend it", async ({ stack, onTestFinished }) => {
    // Redis of its own: the doctor's result of the last minute counts, and the gateways of other tests have theirs there.
    const { stop, ...backing } = await startBacking(stack.redisKind);
    onTestFinished(stop);
    const qstash = { ...backing.qstash, currentSigningKey: "sig_wrong", nextSigningKey: "sig_wrong2" };
    const gateway = await startGateway(stack.runtime, { ...backing, qstash });
    onTestFinished(gateway.running.stop);
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
  });
});
