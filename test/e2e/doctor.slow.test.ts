import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import * as z from "zod";
import { CHECKS, type CheckName } from "../../src/doctor/check.ts";
import { openEngine } from "../../src/local/engine/open.ts";
import type { Engine } from "../../src/local/engine.ts";
import { systemClock } from "../../src/local/qstash/clock.ts";
import { type QStashServer, startQStashServer } from "../../src/local/qstash/server.ts";
import { type StandIn, startStandIn, TOKEN } from "../local/redis-stand-in.ts";
import { eventually, newProject } from "../support/client.ts";
import { freePort } from "../support/process.ts";
import { FaultProxy, type Passing } from "../support/proxy.ts";
import { sign } from "../support/qstash-signature.ts";
import { Receiver } from "../support/receiver.ts";
import { type Gateway, startGateway } from "../support/stack.ts";

// What the doctor says of a gateway as it is started, on its real runtime.

const { runtime, redisKind } = inject("stack");

const diagnosis = z.object({
  ok: z.boolean(),
  checks: z.array(
    z.object({ name: z.enum(CHECKS), ok: z.boolean(), detail: z.string(), fix: z.string().optional() }),
  ),
});

let redis: StandIn;
let engine: Engine;
let receiver: Receiver;
beforeAll(async () => {
  redis = await startStandIn(redisKind);
  engine = await openEngine();
  receiver = await Receiver.start();
});
afterAll(async () => {
  await receiver?.stop();
  await engine?.close();
  await redis?.stop();
});

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await redis.clear(); // the last probe is of the next deployment no more
});

/** @param skew how many milliseconds QStash's clock is ahead of everybody else's */
async function start(
  env: Readonly<Record<string, string>> = {},
  skew = 0,
): Promise<{ gateway: Gateway; qstash: QStashServer }> {
  const qstash = await startQStashServer({
    engine,
    port: 0,
    prefix: `doctor-${crypto.randomUUID()}:`,
    clock: {
      now: () => systemClock.now() + skew,
      at: (time, task) => systemClock.at(time - skew, task),
    },
    onError: () => undefined,
  });
  stops.push(qstash.close);
  const backing = { redis: { url: redis.url, token: TOKEN }, qstash, redisServer: undefined };
  const gateway = await startGateway(runtime, backing, { env });
  stops.push(gateway.running.stop);
  return { gateway, qstash };
}

async function ask({ url, adminToken }: Pick<Gateway, "url" | "adminToken">) {
  const began = performance.now();
  const answer = await fetch(`${url}/admin/doctor`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}` },
  });
  expect(answer.status).toBe(200);
  const { ok, checks } = diagnosis.parse(await answer.json());
  expect(performance.now() - began).toBeLessThan(15_000);
  expect(checks.map(({ name }) => name)).toEqual(CHECKS);
  return { ok, checks, named: (name: CheckName) => checks.find((check) => check.name === name) };
}

/** The lines of refused queue calls in a gateway's log. */
function refusals({ running }: Gateway): { reason?: string; path?: string }[] {
  return running
    .output()
    .split("\n")
    .filter((line) => line.includes('"queue-call-refused"'))
    .map((line) => JSON.parse(line));
}

describe("POST /admin/doctor", { concurrent: false }, () => {
  test("every check is ok right after the start, and run times stand beside the plan's calls in flight", async () => {
    const { gateway } = await start();
    const { ok, checks, named } = await ask(gateway);
    expect(checks.filter((check) => !check.ok)).toEqual([]);
    expect(ok).toBe(true);
    expect(named("slots")?.detail).toMatch(
      /^\d+ of the plan's \d+ calls in flight are used\. No attempt of the newest tasks has ended yet\.$/,
    );
    const client = await newProject(gateway, "doctor");
    for (const input of [1, 2, 3])
      await client.ended((await client.submit({ type: "diagnostics.echo", input })).id);
    expect((await ask(gateway)).named("slots")?.detail).toMatch(
      /used\. The 3 attempts of the newest tasks took \d+ ms in the median, [\d.]+ m?s at most\.$/,
    );
  });

  test("wrong signing keys are named, and each refused call is logged with its reason", async () => {
    const { gateway } = await start({
      QSTASH_CURRENT_SIGNING_KEY: "sig_of_another_account",
      QSTASH_NEXT_SIGNING_KEY: "sig_of_another_account_too",
    });
    const { ok, named } = await ask(gateway);
    expect(ok).toBe(false);
    expect(named("queue-delivery")).toMatchObject({
      ok: false,
      detail: expect.stringContaining("fits neither QSTASH_CURRENT_SIGNING_KEY nor QSTASH_NEXT_SIGNING_KEY"),
      fix: expect.stringContaining("Copy both signing keys"),
    });
    expect(named("public-url")?.ok).toBe(true);
    await eventually(() =>
      expect(refusals(gateway)).toContainEqual(
        expect.objectContaining({ path: "/internal/probe", reason: "wrong-key" }),
      ),
    );
    // However many calls are refused, there is one line a second.
    const [before, began] = [refusals(gateway).length, performance.now()];
    for (let call = 0; call < 30; call++) await fetch(`${gateway.url}/internal/run`, { method: "POST" });
    const seconds = (performance.now() - began) / 1_000;
    expect(refusals(gateway).length - before).toBeLessThanOrEqual(Math.ceil(seconds) + 1);
    await eventually(async () => {
      await fetch(`${gateway.url}/internal/run`, { method: "POST" });
      expect(refusals(gateway)).toContainEqual(
        expect.objectContaining({ path: "/internal/run", reason: "no-signature" }),
      );
    });
  });

  test("a public URL at which nobody answers is named", async () => {
    const publicUrl = `http://127.0.0.1:${await freePort()}`;
    const { gateway } = await start({ RINGBACK_PUBLIC_URL: publicUrl });
    const { named } = await ask({ ...gateway, url: await ownAddress(gateway) });
    expect(named("queue-delivery")).toMatchObject({
      ok: false,
      detail: expect.stringContaining(`QStash cannot call ${publicUrl}`),
      fix: expect.stringContaining("RINGBACK_PUBLIC_URL"),
    });
    expect(named("public-url")?.ok).toBe(false);
  });

  test("a public URL at which another host answers is named", async () => {
    const { gateway } = await start({ RINGBACK_PUBLIC_URL: receiver.url });
    const { named } = await ask({ ...gateway, url: await ownAddress(gateway) });
    expect(named("queue-delivery")).toMatchObject({
      ok: false,
      detail: expect.stringContaining(`Another server answered at ${receiver.url}`),
    });
    expect(named("public-url")).toMatchObject({
      ok: false,
      fix: expect.stringContaining("RINGBACK_PUBLIC_URL"),
    });
  });

  test("a clock that is ahead of QStash's is named: its signature has expired", async () => {
    const { gateway } = await start({}, -600_000);
    const { named } = await ask(gateway);
    expect(named("queue-delivery")).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/By the gateway's clock the signature is [23]\d\d s too old/),
      fix: expect.stringContaining("clock"),
    });
    expect(named("public-url")?.ok).toBe(true);
    await eventually(() =>
      expect(refusals(gateway)).toContainEqual(expect.objectContaining({ reason: "expired" })),
    );
  });

  // QStash's own signatures hold from the beginning of time; a proxy signs those that do not.
  test("a clock that is behind QStash's is named: its signature does not hold yet", async () => {
    const qstash = await startQStashServer({ engine, port: 0, prefix: `doctor-${crypto.randomUUID()}:` });
    const proxy = await FaultProxy.start(qstash.url);
    stops.push(qstash.close, proxy.stop.bind(proxy));
    const deliver = async ({ path, body }: Passing) => {
      const url = path.slice("/v2/publish/".length);
      const text = body.toString();
      const key = qstash.currentSigningKey;
      const signature = await sign({ key, subject: url, body: text, startsIn: 600, expiresIn: 900 });
      await fetch(url, { method: "POST", body: text, headers: { "upstash-signature": signature } });
    };
    proxy.faults = {
      request: (passing) => {
        if (!passing.path.endsWith("/internal/probe")) return "pass";
        void deliver(passing);
        return { status: 200, body: '{"messageId":"msg_1"}' };
      },
    };
    const backing = { redis: { url: redis.url, token: TOKEN }, qstash, redisServer: undefined };
    const gateway = await startGateway(runtime, backing, { qstashUrl: proxy.url });
    stops.push(gateway.running.stop);
    const { named } = await ask(gateway);
    expect(named("queue-delivery")).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/By the gateway's clock the signature is (59\d|600) s too early/),
      fix: expect.stringContaining("clock"),
    });
    await eventually(() =>
      expect(refusals(gateway)).toContainEqual(expect.objectContaining({ reason: "not-yet-valid" })),
    );
  });
});

/** Where a gateway listens whose public URL leads elsewhere. */
async function ownAddress({ running }: Gateway): Promise<string> {
  const listens = /^gateway: \w+ on (http:\/\/127\.0\.0\.1:\d+) /m.exec(running.output())?.[1];
  if (listens === undefined) throw new Error(`where does it listen? ${running.output()}`);
  return listens;
}
