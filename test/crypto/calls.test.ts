import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { nodeCrypto } from "../../src/adapters/crypto/node-crypto.ts";
import type { CryptoProvider } from "../../src/ports/crypto-provider.ts";
import { TOKEN } from "../local/redis-stand-in.ts";
import { Deployment } from "../outages/deployment.ts";
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
  const { stdout } = await promisify(execFile)(
    join(root, "node_modules/.bin/deno"),
    [
      ...["run", "--quiet", "--no-prompt", "--allow-net", "--allow-env", "--allow-read=."],
      ...["--node-modules-dir=manual", "--no-lock", "--cached-only"],
      ...[
        "test/crypto/deno-accepts.ts",
        deployment.gateway.url,
        client.authorization.slice("Bearer ".length),
      ],
    ],
    {
      cwd: root,
      env: {
        ...process.env,
        UPSTASH_REDIS_REST_URL: deployment.redis.url,
        UPSTASH_REDIS_REST_TOKEN: TOKEN,
        QSTASH_URL: deployment.qstash.url,
        QSTASH_TOKEN: deployment.queue.token,
        QSTASH_CURRENT_SIGNING_KEY: deployment.queue.currentSigningKey,
        QSTASH_NEXT_SIGNING_KEY: deployment.queue.nextSigningKey,
        RINGBACK_PUBLIC_URL: deployment.gateway.url,
        RINGBACK_MASTER_SECRET: "a master secret for tests, and for nothing else",
        RINGBACK_ADMIN_TOKEN: deployment.adminToken,
        RINGBACK_LOG_LEVEL: "error",
      },
    },
  );
  const [first, ...others] = JSON.parse(stdout) as { status: number; calls: number }[]; // as the program prints it
  expect(first).toMatchObject({ status: 202 });
  expect(others).toEqual([
    { status: 202, calls: 0 },
    { status: 202, calls: 0 },
  ]);
}, 60_000);
