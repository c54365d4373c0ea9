import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { nodeCrypto } from "../../src/adapters/crypto/node-crypto.ts";
import type { CryptoProvider } from "../../src/ports/crypto-provider.ts";
import { Deployment } from "../outages/deployment.ts";
import { denoProgram } from "../support/deno-program.ts";
import { root } from "../support/process.ts";
import { countSubtleCalls } from "./subtle-calls.ts";

/* Each call of Web Crypto is a hop to another thread on Deno. */

const subtleCalls = countSubtleCalls();

/** Calls of Web Crypto for a second task like the first, which imports keys and hashes scripts. */
async function callsOf(injected?: CryptoProvider) {
  const deployment = await Deployment.start("embedded", injected && { crypto: injected });
  onTestFinished(() => deployment.stop());
  const client = await deployment.project();
  const inbox = deployment.receiver.open();
  const counts: { accept: number; task: number }[] = [];
  for (const n of [1, 2]) {
    const held = Promise.withResolvers<void>();
    deployment.qstash.faults = { request: () => held.promise.then(() => "pass" as const) };
    subtleCalls();
    await client.submit({ type: "diagnostics.echo", input: n, callbackUrl: inbox.url });
    const accept = subtleCalls();
    deployment.qstash.faults = {};
    held.resolve();
    await inbox.wait(n);
    await deployment.settle();
    counts.push({ accept, task: accept + subtleCalls() });
  }
  return counts[1];
}

test("where node:crypto is injected, neither an accept nor a task makes a call of Web Crypto", async () => {
  expect(await callsOf(nodeCrypto)).toEqual({ accept: 0, task: 0 });
});

test("with Web Crypto a task calls it seven times", async () => {
  expect(await callsOf()).toEqual({ accept: 0, task: 7 });
});

test("the gateway of Deno's entry point accepts without Web Crypto, once it has hashed its script", async () => {
  const deployment = await Deployment.start("embedded");
  onTestFinished(() => deployment.stop());
  const client = await deployment.project();
  const { url } = deployment.gateway;
  const { command, args } = denoProgram("test/crypto/deno-accepts.ts", [
    url,
    client.authorization.slice("Bearer ".length),
  ]);
  const env = { ...process.env, ...deployment.variables(url), RINGBACK_LOG_LEVEL: "error" };
  const { stdout } = await promisify(execFile)(command, args, { cwd: root, env });
  const [first, ...others] = JSON.parse(stdout) as { status: number; calls: number }[]; // as the program prints it
  expect(first).toMatchObject({ status: 202 });
  expect(others).toEqual([
    { status: 202, calls: 0 },
    { status: 202, calls: 0 },
  ]);
}, 60_000);
