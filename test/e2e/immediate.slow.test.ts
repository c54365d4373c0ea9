import { afterAll, beforeAll, describe, expect, inject } from "vitest";
import { Client, eventually, newProject } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import type { Hosted } from "../support/host.ts";
import { ADMIN_TOKEN, hostImmediate } from "../support/host-immediate.ts";
import { FaultProxy } from "../support/proxy.ts";
import { verified } from "../support/receiver.ts";

// Task types that start immediately, of test/support/immediate-deployment.ts, on the bare runtime. Its ways to Redis and
// QStash lead through proxies, which count.

const ENDS = ["task.succeeded", "task.failed", "task.canceled", "task.expired"];

let hosted: Hosted;
let redis: FaultProxy;
let qstash: FaultProxy;
let client: Client;
beforeAll(async () => {
  const { runtime, backing } = inject("stack");
  [redis, qstash] = await Promise.all([
    FaultProxy.start(backing.redis.url),
    FaultProxy.start(backing.qstash.url),
  ]);
  hosted = await hostImmediate(runtime, { ...backing, redisUrl: redis.url, qstashUrl: qstash.url });
  client = await newProject({ url: hosted.url, adminToken: ADMIN_TOKEN }, `immediate-${crypto.randomUUID()}`);
});
afterAll(async () => {
  await hosted?.stop();
  await Promise.all([redis?.stop(), qstash?.stop()]);
});

const quick = (input: object = {}, rest: object = {}) => ({ type: "immediate.quick", input, ...rest });

describe("a type that starts immediately", { concurrent: false }, () => {
  test("is answered 202 as running, runs without the queue, and calls back", async ({ receiver }) => {
    const inbox = receiver.open();
    const before = [redis.passed.length, qstash.passed.length] as const;
    const submit = quick({ sleepMs: 20 }, { callbackUrl: inbox.url });
    const task = await client.submit(submit, { "idempotency-key": "whole" });
    expect(task).toMatchObject({ status: "running", done: false, attempt: 1, run: 1, sequence: 2 });
    const [callback] = await inbox.wait(1);
    const secret = await client.signingSecret();
    expect(verified(callback, secret)).toMatchObject({
      type: "task.succeeded",
      data: { id: task.id, attempt: 1, sequence: 3, result: { attempt: 1, run: 1 } },
    });
    expect((await client.settled(task.id)).status).toBe("delivered");
    expect(await client.task(task.id)).toMatchObject({ status: "succeeded", progress: { percent: 50 } });
    expect((await client.timeline(task.id)).map(({ type }) => type)).toEqual([
      "task.created",
      "task.started",
      "task.succeeded",
    ]);
    expect(qstash.passed.slice(before[1])).toEqual([]);
  });

  test("costs 3 Redis requests and no message", async ({ receiver }) => {
    const inbox = receiver.open();
    const submits = async (count: number): Promise<void> => {
      const start = inbox.received.length;
      for (let n = 1; n <= count; n++) {
        await client.submit(quick({}, { callbackUrl: inbox.url }), {
          "idempotency-key": crypto.randomUUID(),
        });
        await inbox.wait(start + n);
        await redis.quiet(); // its record
      }
    };
    await submits(2);
    const before = [redis.passed.length, qstash.passed.length] as const;
    await submits(5);
    expect(redis.passed.length - before[0]).toBe(15);
    expect(qstash.passed.length - before[1]).toBe(0);
  });

  test("the answer does not wait for a handler that keeps the processor busy", async () => {
    const began = performance.now();
    const rounds = 300_000_000;
    const { id, status } = await client.submit({ type: "immediate.busy", input: { rounds } });
    const answered = performance.now() - began;
    expect(status).toBe("running");
    const ended = await client.ended(id, 25_000);
    expect(ended.status).toBe("succeeded");
    const worked = Date.parse(ended.endedAt ?? "") - Date.parse(ended.startedAt ?? "");
    expect(worked).toBeGreaterThan(300);
    expect(answered).toBeLessThan(worked);
  });

  test("with Prefer: wait it is answered 200 with its result", async () => {
    const reply = await client.send("POST", "/v1/tasks", {
      body: quick({ sleepMs: 300 }),
      headers: { prefer: "wait=10" },
    });
    expect(reply.status).toBe(200);
    expect(reply.json()).toMatchObject({ status: "succeeded", result: { attempt: 1 } });
    expect(reply.headers.get("preference-applied")).toBe("wait=10");
  });

  test("a repetition under the same key is the same task, and does not run again", async ({ receiver }) => {
    const inbox = receiver.open();
    const body = quick({ sleepMs: 300 }, { callbackUrl: inbox.url });
    const headers = { "idempotency-key": "again" };
    const replies = await Promise.all(
      [1, 2, 3].map(() => client.send("POST", "/v1/tasks", { body, headers })),
    );
    expect(replies.map(({ status }) => status)).toEqual([202, 202, 202]);
    const ids = replies.map((reply) => (reply.json() as { id: string }).id);
    expect(new Set(ids).size).toBe(1);
    expect(replies.filter(({ headers: sent }) => sent.get("idempotent-replayed") === "true").length).toBe(2);
    const [id = ""] = ids;
    expect(await client.ended(id)).toMatchObject({ attempt: 1, sequence: 3 });
    expect((await client.settled(id)).status).toBe("delivered");
    expect(inbox.received).toHaveLength(1);
  });

  test("a lost answer of Redis runs it once", async () => {
    let cut = 0;
    redis.faults = {
      answer: (passing) => (passing.body.includes("immediate.quick") && cut++ === 0 ? "cut" : "pass"),
    };
    try {
      const { id } = await client.submit(quick());
      expect(await client.ended(id)).toMatchObject({ status: "succeeded", attempt: 1, sequence: 3 });
      expect(cut).toBeGreaterThan(1);
    } finally {
      redis.faults = {};
    }
  });

  test("a failed attempt is tried again by the queue", async () => {
    const { id } = await client.submit(quick({ failures: 1 }));
    expect(await client.ended(id)).toMatchObject({ status: "succeeded", attempt: 2, result: { attempt: 2 } });
  });

  test("a replay goes through the queue", async () => {
    const { id } = await client.submit(quick());
    await client.ended(id);
    const replayed = await client.send("POST", `/v1/tasks/${id}/replay`);
    expect([replayed.status, replayed.json()]).toMatchObject([202, { status: "queued", run: 2 }]);
    expect(await client.ended(id)).toMatchObject({ status: "succeeded", result: { attempt: 1, run: 2 } });
  });

  test("its start is announced on request, before its end", async ({ receiver }) => {
    const inbox = receiver.open();
    const callbackEvents = ["task.started", ...ENDS];
    const { id } = await client.submit(quick({ sleepMs: 300 }, { callbackUrl: inbox.url, callbackEvents }));
    const secret = await client.signingSecret();
    const events = (await inbox.wait(2)).map((one) => verified(one, secret));
    expect(events).toMatchObject([
      { type: "task.started", data: { id, status: "running", attempt: 1, sequence: 2 } },
      { type: "task.succeeded", data: { id, sequence: 3 } },
    ]);
  });

  test("a timeout fails its attempt", async () => {
    const { id } = await client.submit(quick({ sleepMs: 20_000 }, { timeout: "500ms", retries: 0 }));
    expect(await client.ended(id)).toMatchObject({ status: "failed", error: { code: "timeout" } });
  });

  test("its deadline ends it", async () => {
    const { id } = await client.submit(quick({ sleepMs: 20_000 }, { deadline: "1s" }));
    expect(await client.ended(id)).toMatchObject({ status: "expired", error: { code: "deadline-exceeded" } });
  });

  test("a cancel ends it, and aborts its signal within 10 s", { timeout: 40_000 }, async ({ receiver }) => {
    const ticks = receiver.open();
    const { id } = await client.submit({ type: "immediate.ticking", input: { url: ticks.url } });
    await ticks.wait(2);
    expect((await client.send("POST", `/v1/tasks/${id}/cancel`)).status).toBe(200);
    await eventually(
      () => {
        const quiet = Date.now() - (ticks.received.at(-1)?.at ?? 0);
        if (quiet < 3_000) throw new Error(`the last call came ${quiet} ms ago`);
      },
      { timeoutMs: 15_000, everyMs: 200 },
    );
    expect(await client.task(id)).toMatchObject({ status: "canceled", attempt: 1, sequence: 3 });
  });

  test("work that it hands on is finished by the bearer of its token", async ({ receiver }) => {
    const inbox = receiver.open();
    const { id } = await client.submit({
      type: "immediate.handed-on",
      input: { url: inbox.url },
      heartbeatTimeout: "1h",
    });
    const [handed] = await inbox.wait(1);
    const { token, completionUrl } = JSON.parse(handed?.body ?? "{}");
    expect(completionUrl).toContain(`${hosted.url}/v1/complete/`);
    await eventually(async () => expect((await client.task(id)).status).toBe("waiting"));
    const bearer = new Client(hosted, token);
    expect((await bearer.send("POST", `/v1/tasks/${id}/heartbeat`)).status).toBe(200);
    const done = await bearer.send("POST", `/v1/tasks/${id}/complete`, {
      body: { result: { by: "bearer" } },
    });
    expect(done.status).toBe(200);
    expect(await client.ended(id)).toMatchObject({ status: "succeeded", result: { by: "bearer" } });
  });

  test.for([
    ["a delay", { delay: "1s" }, "scheduled"],
    ["a concurrency key", { concurrencyKey: "k" }, "queued"],
    ["a longer timeout", { timeout: "26s" }, "queued"],
  ] as const)("with %s it goes through the queue", async ([, rest, status]) => {
    const task = await client.submit(quick({}, rest));
    expect(task).toMatchObject({ status, attempt: 0 });
    expect(await client.ended(task.id)).toMatchObject({ status: "succeeded", attempt: 1 });
  });

  test("in a batch it goes through the queue", async () => {
    const reply = await client.send("POST", "/v1/tasks/batch", { body: { tasks: [quick(), quick()] } });
    const { data } = reply.json() as { data: readonly { task: { id: string; status: string } }[] };
    expect(data.map(({ task }) => task.status)).toEqual(["queued", "queued"]);
    for (const { task } of data) expect((await client.ended(task.id)).status).toBe("succeeded");
  });
});
