import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Deployment } from "../outages/deployment.ts";
import { eventually } from "../support/client.ts";
import { denoProgram } from "../support/deno-program.ts";
import { start } from "../support/process.ts";

test("on Deno the 202 is sent before a handler keeps the thread busy", async () => {
  const deployment = await Deployment.start("embedded");
  onTestFinished(() => deployment.stop());
  const client = await deployment.project();
  const folder = await mkdtemp(join(tmpdir(), "ringback-immediate-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "answered");
  const permissions = ["--allow-net", "--allow-env", `--allow-read=.,${folder}`];
  const { running, match } = await start({
    ...denoProgram("test/tasks/deno-immediate.ts", [file], permissions),
    env: deployment.variables(deployment.gateway.url),
    ready: /^port (\d+)$/m,
  });
  onTestFinished(running.stop);
  const response = await fetch(`http://127.0.0.1:${match[1]}/v1/tasks`, {
    method: "POST",
    headers: { authorization: client.authorization, "content-type": "application/json" },
    body: JSON.stringify({ type: "test.busy", input: null }),
  });
  await writeFile(file, "");
  expect(response.status).toBe(202);
  expect(await response.json()).toMatchObject({ status: "running" });
  await eventually(() => expect(running.output()).toMatch(/the file is \w+/));
  expect(running.output()).toContain("the file is there");
}, 60_000);
