import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { END } from "../../src/adapters/redis/tasks/end.ts";
import { eventually } from "../support/client.ts";
import { runs } from "../support/proxy.ts";
import { Deployment } from "./deployment.ts";

const MINUTE = 60_000;
const echo = (callbackUrl: string) => ({ type: "diagnostics.echo", input: 1, callbackUrl });

let deployment: Deployment;
beforeAll(async () => {
  deployment = await Deployment.start();
});
afterAll(() => deployment?.stop());

describe("Redis is away", () => {
  test("while it is, clients are told 503; afterwards what was accepted ends without hands", async () => {
    const { receiver, redis, qstash } = deployment;
    const client = await deployment.project();
    const inbox = receiver.open();
    const held = Promise.withResolvers<void>();
    qstash.faults = { request: () => held.promise.then(() => "pass" as const) };
    const { id } = await client.submit(echo(inbox.url));
    redis.faults = { request: () => "cut" };
    qstash.faults = {};
    held.resolve();
    const refused = await client.send("POST", "/v1/tasks", { body: echo(inbox.url) });
    expect(refused.problem()).toMatchObject({ status: 503, code: "temporarily-unavailable" });
    expect(refused.headers.get("retry-after")).toBe("2");
    await deployment.settle(); // QStash's call was answered 503 as well
    await expect(deployment.sweep()).rejects.toThrow(/Redis did not run "due"/);
    expect(inbox.received).toHaveLength(0);
    redis.faults = {};
    await deployment.pass(3 * MINUTE);
    expect(await client.task(id)).toMatchObject({ status: "succeeded", attempt: 1 });
    expect((await client.settled(id)).status).toBe("delivered");
    expect(inbox.received).toHaveLength(1);
  });
});

// At its plan's size Upstash may reject writes (https://upstash.com/docs/redis/troubleshooting/db_capacity_quota_exceeded).
const REFUSALS = {
  "is away": "cut",
  "takes no writes any more": { status: 400, body: '{"error":"ERR DB capacity quota exceeded"}' },
} as const;

describe.each(Object.entries(REFUSALS))("Redis %s from a handler's end on", (_name, verdict) => {
  test("ten minutes later the attempt is made once more, and its end is told once", async () => {
    const { receiver, redis } = deployment;
    const client = await deployment.project();
    const inbox = receiver.open();
    let broken = false;
    redis.faults = {
      request: (passing) => {
        broken ||= runs(passing, END.lua);
        return broken ? verdict : "pass";
      },
    };
    const { id } = await client.submit(echo(inbox.url));
    await deployment.pass(10 * MINUTE, { cron: false });
    expect(broken).toBe(true);
    expect((await client.send("GET", `/v1/tasks/${id}`)).problem().status).toBe(503);
    redis.faults = {};
    expect((await client.task(id)).status).toBe("running");
    await deployment.pass(2 * MINUTE);
    expect(await client.task(id)).toMatchObject({ status: "succeeded", attempt: 1 });
    expect((await client.settled(id)).status).toBe("delivered");
    expect(inbox.received).toHaveLength(1);
    const started = (await client.timeline(id)).filter(({ type }) => type === "task.started");
    expect(started.map(({ cause }) => cause)).toEqual([undefined, "lease-lapsed"]);
  });
});

describe("Redis is slow", () => {
  test("a client waits five seconds for it, gets 503, and repeats with its key: one task", async () => {
    const { receiver, redis } = deployment;
    const client = await deployment.project();
    const inbox = receiver.open();
    const headers = { "idempotency-key": crypto.randomUUID() };
    const slow = Promise.withResolvers<void>();
    redis.faults = { answer: () => slow.promise.then(() => "cut" as const) };
    const reply = await client.send("POST", "/v1/tasks", { body: echo(inbox.url), headers });
    expect(reply.problem()).toMatchObject({ status: 503, code: "temporarily-unavailable" });
    redis.faults = {};
    slow.resolve();
    const again = await client.send("POST", "/v1/tasks", { body: echo(inbox.url), headers });
    expect(again.status).toBe(202);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    await deployment.pass(2 * MINUTE);
    await inbox.wait(1);
    const page = await client.send("GET", "/v1/tasks");
    expect(page.json()).toMatchObject({ data: [{ status: "succeeded" }] });
  });
});

describe("Redis is full", () => {
  async function makeKey(): Promise<{ readonly id: string }> {
    const made = await fetch(`${deployment.gateway.url}/admin/keys`, {
      method: "POST",
      headers: { authorization: `Bearer ${deployment.adminToken}`, "content-type": "application/json" },
      body: JSON.stringify({ project: "leaks" }),
    });
    return z.object({ id: z.string() }).parse(await made.json());
  }

  test("nothing new is accepted, what was accepted ends and is delivered, and with room it is as before", async () => {
    const { receiver, qstash, gateway } = deployment;
    const client = await deployment.project();
    const [inbox, down] = [receiver.open(), receiver.open([{ status: 500 }, { status: 200 }])];
    const held = Promise.withResolvers<void>();
    qstash.faults = { request: () => held.promise.then(() => "pass" as const) };
    const accepted = [
      await client.submit(echo(inbox.url)),
      await client.submit(echo(down.url)),
      await client.submit({ ...echo(inbox.url), type: "diagnostics.flaky", input: { failures: 1 } }),
    ];
    const unwanted = await client.submit({ ...echo(inbox.url), delay: "10m" });
    const leaked = await makeKey();
    await deployment.command("CONFIG", "SET", "maxmemory", "1");
    try {
      const refused = await client.send("POST", "/v1/tasks", { body: echo(inbox.url) });
      expect(refused.problem()).toMatchObject({ status: 503, code: "temporarily-unavailable" });
      expect(refused.headers.get("retry-after")).toBe("2");
      expect(gateway.logged.join("\n")).toMatch(/store-unavailable .*Redis did not run \\"accept\\" \(OOM\)/);
      qstash.faults = {};
      held.resolve();
      await deployment.pass(3 * MINUTE);
      for (const { id } of accepted) {
        expect(await client.task(id)).toMatchObject({ status: "succeeded" });
        expect((await client.settled(id)).status).toBe("delivered");
      }
      const [ended] = accepted;
      expect((await client.send("GET", "/v1/tasks")).status).toBe(200);
      const headers = { authorization: `Bearer ${deployment.adminToken}` };
      expect((await client.send("DELETE", `/admin/keys/${leaked.id}`, { headers })).status).toBe(204);
      for (const reply of [
        await client.send("POST", `/v1/tasks/${ended?.id}/replay`),
        await client.send("POST", "/admin/keys", { body: { project: "full" }, headers }),
      ]) {
        expect(reply.problem().code).toBe("temporarily-unavailable");
      }
      const canceled = await client.send("POST", `/v1/tasks/${unwanted.id}/cancel`);
      expect(canceled.json()).toMatchObject({ status: "canceled" });
    } finally {
      await deployment.command("CONFIG", "SET", "maxmemory", "0");
    }
    const { id } = await client.submit(echo(inbox.url));
    await eventually(async () => expect((await client.task(id)).status).toBe("succeeded"));
  });

  test("whoever had been refused can make room by erasing", async () => {
    const { receiver } = deployment;
    const client = await deployment.project();
    const { id } = await client.submit(echo(receiver.open().url));
    await client.settled(id);
    await deployment.command("CONFIG", "SET", "maxmemory", "1");
    try {
      expect((await client.send("DELETE", `/v1/tasks/${id}`)).status).toBe(204);
      expect((await client.send("GET", `/v1/tasks/${id}`)).problem().code).toBe("not-found");
    } finally {
      await deployment.command("CONFIG", "SET", "maxmemory", "0");
    }
  });
});
