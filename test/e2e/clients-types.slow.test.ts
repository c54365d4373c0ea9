import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import * as z from "zod";
import { codeOf } from "../support/endings.ts";
import { test } from "../support/fixture.ts";
import { PROGRAM, TSCONFIG } from "../support/openapi-client.ts";
import { pathsOf } from "../support/openapi-types.ts";
import { node, root } from "../support/process.ts";

const run = promisify(execFile);

test("openapi-fetch, typed by /openapi.json: compiles, and sees every ending", async ({
  client,
  onTestFinished,
}) => {
  const folder = await mkdtemp(join(tmpdir(), "ringback-openapi-fetch-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const served = z.record(z.string(), z.unknown()).parse((await client.send("GET", "/openapi.json")).json());
  await Promise.all([
    symlink(join(root, "node_modules"), join(folder, "node_modules")),
    writeFile(join(folder, "package.json"), '{"type":"module"}'),
    writeFile(join(folder, "tsconfig.json"), JSON.stringify(TSCONFIG)),
    writeFile(join(folder, "paths.ts"), await pathsOf(served)),
    writeFile(join(folder, "client.ts"), PROGRAM),
  ]);
  const { stdout: complaints } = await run(node, [join(root, "node_modules/.bin/tsc"), "-p", folder]).catch(
    (error: { stdout: string }) => error,
  );
  expect(complaints).toBe("");
  const env = { ...process.env, GATEWAY_URL: client.url, AUTHORIZATION: client.authorization };
  const { stdout } = await run(node, [join(folder, "client.ts")], { env });
  expect(JSON.parse(stdout)).toEqual([
    { operation: "Succeeded", result: { n: 7 } },
    { operation: "Failed", taskStatus: "failed", code: "flaky" },
    { operation: "Canceled", taskStatus: "canceled", code: "canceled" },
    { operation: "Failed", taskStatus: "expired", code: codeOf("expired") },
  ]);
});
