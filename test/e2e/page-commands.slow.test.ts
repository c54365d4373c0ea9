import { beforeAll, describe, expect } from "vitest";
import { freshPackage } from "../../scripts/fresh.ts";
import { newProject } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import { host } from "../support/host.ts";
import { commandsOf, followPage } from "../support/page-commands.ts";
import { startBacking, variablesOn } from "../support/stack.ts";
import { sweepNow } from "../support/waiting.ts";

// Follows guides as a reader does: saves their files, pastes their commands, and compares what is printed.

const PAGES = [
  "signature-invalid",
  "long-work",
  "choose",
  "duplicates-and-order",
  "disabled-endpoint",
  "retry-a-period",
  "from-qstash",
  "status-codes",
];

beforeAll(freshPackage);

describe("the commands of a guide print what it says", { timeout: 120_000 }, () => {
  for (const page of PAGES) {
    test(page, async ({ stack }) => {
      const client = await newProject(stack.gateway, `page-${page}-${crypto.randomUUID()}`);
      const KEY = client.authorization.slice("Bearer ".length);
      await followPage(`docs/guides/${page}.md`, { URL: client.url, KEY });
    });
  }

  test("stays-queued, on a gateway with the signing keys of another account", async ({ stack }) => {
    const { runtime, redisKind } = stack;
    // Redis of its own: the doctor's result of the last minute counts, and the gateways of other tests have theirs there.
    const backing = await startBacking(redisKind);
    const ADMIN_TOKEN = "an-admin-token-of-this-page";
    const currentSigningKey = "sig_of_another_account";
    const hosted = await host(runtime, "src/worker.ts", (url) => ({
      ...variablesOn(backing, url, ADMIN_TOKEN),
      QSTASH_CURRENT_SIGNING_KEY: currentSigningKey,
      QSTASH_NEXT_SIGNING_KEY: "sig_of_another_account_too",
      RINGBACK_DIAGNOSTICS: "true",
    }));
    try {
      const gateway = { url: hosted.url, adminToken: ADMIN_TOKEN };
      await sweepNow({ gateway, backing: { qstash: { ...backing.qstash, currentSigningKey } } });
      const client = await newProject(gateway, `page-${crypto.randomUUID()}`);
      const KEY = client.authorization.slice("Bearer ".length);
      await followPage("docs/guides/stays-queued.md", { URL: hosted.url, KEY, ADMIN_TOKEN });
    } finally {
      await hosted.stop();
      await backing.stop();
    }
  });
});

describe("a page's commands", () => {
  test("are read with their further lines, and apart from what they print", () => {
    const page = "```console\n$ echo 'a\nb' \\\n    c\na\nb c\n$ true\n```\n";
    expect(commandsOf(page)).toEqual([
      { text: "echo 'a\nb' \\\n    c", output: "a\nb c\n" },
      { text: "true", output: "\n" },
    ]);
  });
});
