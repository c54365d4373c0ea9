import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { unstable_readConfig } from "wrangler";
import { root } from "../support/process.ts";

test("the staging environment of docs/guides/deploy.md is a Worker of its own with all that production has", async () => {
  const page = await readFile(join(root, "docs/guides/deploy.md"), "utf8");
  const lines = /^```toml\n(\[env\.staging\][\s\S]*?)^```$/m.exec(page)?.[1] ?? "";
  const folder = await mkdtemp(join(tmpdir(), "ringback-staging-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const config = join(folder, "wrangler.toml");
  await writeFile(config, `${await readFile(join(root, "wrangler.toml"), "utf8")}\n${lines}`);
  const production = unstable_readConfig({ config });
  const staging = unstable_readConfig({ config, env: "staging" });
  expect([production.name, staging.name]).toEqual(["ringback", "ringback-staging"]);
  for (const key of ["main", "compatibility_date", "compatibility_flags", "triggers", "assets"] as const) {
    expect(production[key], key).toBeDefined();
    expect(staging[key], key).toEqual(production[key]);
  }
  expect(staging.build.command).toBe(production.build.command);
});
