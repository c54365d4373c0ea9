import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import * as z from "zod";
import { CHECKS, type CheckName } from "../../src/doctor/check.ts";
import { Deployment, type Node } from "./deployment.ts";

const diagnosis = z.object({
  ok: z.boolean(),
  checks: z.array(
    z.object({ name: z.enum(CHECKS), ok: z.boolean(), detail: z.string(), fix: z.string().optional() }),
  ),
});

let deployment: Deployment | undefined;

afterEach(async () => {
  await deployment?.stop();
  deployment = undefined;
});

/**
 * @param swept whether it has swept, as a deployment does at its start: else the doctor looks for the first sweep
 * longer
 */
async function start(env: Readonly<Record<string, string>> = {}, swept = true): Promise<Deployment> {
  deployment = await Deployment.start("embedded", { env });
  if (swept) await deployment.sweep();
  return deployment;
}

async function ask({ adminToken }: Deployment, node: Node) {
  const began = Date.now();
  const answer = await fetch(`${node.url}/admin/doctor`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}` },
  });
  expect(answer.status).toBe(200);
  const { ok, checks } = diagnosis.parse(await answer.json());
  expect(Date.now() - began).toBeLessThan(15_000);
  expect(checks.map(({ name }) => name)).toEqual(CHECKS);
  expect(ok).toBe(checks.every((check) => check.ok));
  for (const check of checks) expect(check.fix === undefined, check.name).toBe(check.ok);
  const named = (name: CheckName) => checks.find((check) => check.name === name);
  return { ok, checks, named };
}

test("a deployment that is well passes every check", async () => {
  const one = await start();
  await one.sweep();
  const { ok, checks, named } = await ask(one, one.gateway);
  expect(checks.filter((check) => !check.ok)).toEqual([]);
  expect(ok).toBe(true);
  expect(named("queue-delivery")?.detail).toContain("has arrived");
  expect(named("master-secret")?.detail).toBe("not used");
  expect(named("resolver")?.detail).toBe("not used");
});

test("a deployment that has never swept is told so", async () => {
  const one = await start({}, false);
  const { ok, named } = await ask(one, one.gateway);
  expect(ok).toBe(false);
  expect(named("sweep")).toMatchObject({ ok: false, detail: "No sweep was made yet." });
});

test("a first sweep that is under way is waited for", async () => {
  const one = await start({}, false);
  const asked = ask(one, one.gateway);
  await sleep(500);
  await one.sweep();
  expect((await asked).named("sweep")?.ok).toBe(true);
});

test("signing keys of another account are named by the delivery, and the address is not blamed", async () => {
  const one = await start();
  const node = await one.node(0, undefined, {
    QSTASH_CURRENT_SIGNING_KEY: "sig_of_another_account",
    QSTASH_NEXT_SIGNING_KEY: "sig_of_another_account_too",
  });
  const { named } = await ask(one, node);
  expect(named("queue-delivery")).toMatchObject({
    ok: false,
    detail: expect.stringMatching(/signature .* QSTASH_CURRENT_SIGNING_KEY/),
  });
  expect(named("public-url")?.ok).toBe(true);
  expect(named("queue-token")?.ok).toBe(true);
});

test("an instance with another public URL is named with both addresses", async () => {
  const one = await start();
  const worker = await one.node(0, undefined, { RINGBACK_PUBLIC_URL: "http://gateway.localhost" });
  const node = await one.node(0, worker);
  const { named } = await ask(one, node);
  for (const name of ["queue-delivery", "public-url"] as const) {
    expect(named(name)).toMatchObject({ ok: false, fix: expect.stringContaining("RINGBACK_PUBLIC_URL") });
    expect(named(name)?.detail).toContain(`${worker.url}/internal/probe`);
    expect(named(name)?.detail).toContain("http://gateway.localhost/internal/probe");
  }
});

test("a public URL that nobody serves is named", async () => {
  const one = await start();
  const gone = await one.node();
  await gone.stop();
  const { named } = await ask(one, await one.node(0, gone));
  expect(named("queue-delivery")).toMatchObject({
    ok: false,
    detail: expect.stringContaining("cannot call"),
  });
  expect(named("public-url")).toMatchObject({
    ok: false,
    fix: expect.stringContaining("RINGBACK_PUBLIC_URL"),
  });
});

test("a public URL of somebody else is named with what was answered", async () => {
  const one = await start();
  const other = { ...one.gateway, url: one.receiver.url };
  const { named } = await ask(one, await one.node(0, other));
  expect(named("queue-delivery")).toMatchObject({
    ok: false,
    detail: expect.stringContaining("Another server answered"),
  });
  expect(named("public-url")?.ok).toBe(false);
});

test("a token that QStash refuses is named", async () => {
  const one = await start();
  const { named } = await ask(one, await one.node(0, undefined, { QSTASH_TOKEN: "not-the-token" }));
  expect(named("queue-token")).toMatchObject({
    ok: false,
    detail: "QStash refuses QSTASH_TOKEN (401).",
    fix: expect.stringContaining("QSTASH_TOKEN"),
  });
  expect(named("queue-delivery")?.ok).toBe(false);
});

test("a clock that is wrong is named", async () => {
  const one = await start();
  const { named } = await ask(one, await one.node(120_000));
  expect(named("clock")).toMatchObject({ ok: false, detail: expect.stringContaining("120 s ahead of") });
  const behind = await ask(one, await one.node(-120_000));
  expect(behind.named("clock")).toMatchObject({ ok: false, detail: expect.stringContaining("120 s behind") });
});

test("QStash that is down hides no other check", async () => {
  const one = await start();
  await one.sweep();
  await one.qstash.stop();
  const { named } = await ask(one, one.gateway);
  expect(named("queue-token")?.ok).toBe(false);
  expect(named("queue-delivery")?.ok).toBe(false);
  for (const name of ["redis", "clock", "sweep"] as const) expect(named(name)?.ok, name).toBe(true);
});

test("Redis that is down hides no other check", async () => {
  const one = await start();
  await one.redis.stop();
  const { named } = await ask(one, one.gateway);
  for (const name of ["redis", "clock", "sweep", "queue-delivery", "master-secret"] as const)
    expect(named(name)?.ok, name).toBe(false);
  expect(named("queue-token")?.ok).toBe(true);
});

test("within a minute the last probe's outcome is told with its time, and after it a new one is sent", async () => {
  const one = await start();
  await one.sweep();
  const first = await ask(one, one.gateway);
  const detail = first.named("queue-delivery")?.detail ?? "";
  expect(detail).toMatch(/Probe of \d{4}-\d\d-\d\dT[\d:.]+Z\.$/);
  const again = await ask(one, await one.node());
  expect(again.named("queue-delivery")?.detail).toBe(detail);
  await one.pass(61_000);
  const later = await ask(one, one.gateway);
  expect(later.named("queue-delivery")).toMatchObject({ ok: true });
  expect(later.named("queue-delivery")?.detail).not.toBe(detail);
});

test("a secret that no configured master secret opens is told, and a rotation as far as it has come", async () => {
  const one = await start();
  const client = await one.project();
  expect((await client.send("GET", "/v1/signing-secret")).status).toBe(200);
  const secret = "another master secret for tests alone";
  const lost = await ask(one, await one.node(0, undefined, { RINGBACK_MASTER_SECRET: secret }));
  expect(lost.named("master-secret")).toMatchObject({
    ok: false,
    detail: expect.stringContaining("decrypts 1"),
  });
  const rotating = await ask(
    one,
    await one.node(0, undefined, {
      RINGBACK_MASTER_SECRET: secret,
      RINGBACK_PREVIOUS_MASTER_SECRET: "a master secret for tests, and for nothing else",
    }),
  );
  expect(rotating.named("master-secret")).toMatchObject({
    ok: true,
    detail: expect.stringContaining("previousNeeded is true"),
  });
});

test("whoever has no genuine nonce cannot make a note, signed or not", async () => {
  const one = await start();
  await one.sweep();
  await ask(one, one.gateway);
  const before = await one.command("HGETALL", "rb1:doctor");
  for (const nonce of ["rbp_forged", ""]) {
    const answer = await fetch(`${one.gateway.url}/internal/probe`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ v: 1, nonce }),
    });
    expect(answer.status).toBe(401);
  }
  await one.settle();
  expect(await one.command("HGETALL", "rb1:doctor")).toEqual(before);
});
