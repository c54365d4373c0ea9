import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { Client, eventually, type Reply } from "../support/client.ts";
import { type FaultyGateway, startFaulty } from "../support/faulty-gateway.ts";
import { sendAndLeave } from "../support/leaving.ts";
import type { Passing } from "../support/proxy.ts";
import { Receiver } from "../support/receiver.ts";
import { type Gateway, startGateway } from "../support/stack.ts";

// A gateway of its own with a proxy before Redis, and another one on the same Redis, which runs what it is sent.

let faulty: FaultyGateway;
let other: Gateway;
beforeAll(async () => {
  const { runtime, backing } = inject("stack");
  [faulty, other] = await Promise.all([
    startFaulty(runtime, backing),
    startGateway(runtime, backing, { env: { RINGBACK_SWEEP_INTERVAL: "1h" } }),
  ]);
});
afterEach(() => {
  faulty.redis.faults = {};
});
afterAll(async () => {
  await faulty?.stop();
  await other?.running.stop();
});

const isSubscribe = ({ path }: Passing): boolean => path.startsWith("/subscribe/");
/** Tasks that nobody runs, so that every request to Redis is the waiting's. */
const scheduled = { type: "diagnostics.echo", input: 1, delay: "10m" };
const lasting = (sleepMs: number) => ({ type: "diagnostics.flaky", input: { failures: 0, sleepMs } });

const look = (id: string, prefer: string): Promise<Reply> =>
  faulty.client.send("GET", `/v1/tasks/${id}`, { headers: { prefer } });
const submit = (body: unknown, prefer: string): Promise<Reply> =>
  faulty.client.send("POST", "/v1/tasks", { body, headers: { prefer } });

/** Requests to Redis that a look-up and a submit make together while both wait for nothing. */
async function requestsOfTwo(seconds: number): Promise<number> {
  const { id } = await faulty.client.submit(scheduled);
  const before = faulty.redis.passed.length;
  const [looked, submitted] = await Promise.all([
    look(id, `wait=${seconds}`),
    submit(scheduled, `wait=${seconds}`),
  ]);
  expect(looked.status).toBe(200);
  expect(submitted.status).toBe(202);
  return faulty.redis.passed.length - before;
}

describe("where a wait ends", { concurrent: false }, () => {
  for (const mode of ["told by the event stream", "looking again and again"]) {
    test(`with the task's end in another process, ${mode}`, async () => {
      if (mode === "looking again and again") {
        faulty.redis.faults = { request: (one) => (isSubscribe(one) ? "cut" : "pass") };
      }
      const elsewhere = new Client(other, faulty.client.authorization.replace("Bearer ", ""));
      const { id } = await elsewhere.submit(lasting(2_000));
      const before = performance.now();
      const reply = await look(id, "wait=20");
      expect(reply.json()).toMatchObject({ status: "succeeded" });
      expect(performance.now() - before).toBeLessThan(mode.startsWith("told") ? 5_000 : 15_000);
    });
  }

  test("with the client's going away: no stream and no request is left", async () => {
    const { id } = await faulty.client.submit(scheduled);
    const headers = { authorization: faulty.client.authorization, prefer: "wait=25" };
    const clients = [
      sendAndLeave(`${faulty.gateway.url}/v1/tasks/${id}`, { method: "GET", headers }),
      sendAndLeave(`${faulty.gateway.url}/v1/tasks`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(scheduled),
      }),
    ];
    await eventually(() => expect(faulty.redis.streams.size).toBe(2));
    await faulty.redis.quiet();
    const before = faulty.redis.passed.length;
    for (const client of clients) client.leave();
    await eventually(() => expect(faulty.redis.streams.size).toBe(0), { timeoutMs: 5_000 });
    await sleep(1_000);
    expect(faulty.redis.passed.length).toBe(before);
  });

  test("every stream is closed when its wait is over", async () => {
    await Promise.all([submit(scheduled, "wait=1"), submit(lasting(200), "wait=10")]);
    await eventually(() => expect(faulty.redis.streams.size).toBe(0), { timeoutMs: 3_000 });
  });

  test("a submit is answered 202, and not 503, when Redis goes away while it waits", async () => {
    const [reply] = await Promise.all([
      submit(scheduled, "wait=2"),
      eventually(() => {
        expect(faulty.redis.streams.size).toBe(1);
        faulty.redis.faults = { request: () => ({ status: 503, body: "{}" }) };
      }),
    ]);
    expect(reply.status).toBe(202);
    expect(reply.headers.get("location")).toMatch(/\/v1\/tasks\/task_/);
  });
});

describe("what a wait costs", { concurrent: false }, () => {
  test("at most 6 Redis requests for 10 seconds, told by the event stream", async () => {
    await requestsOfTwo(1); // the scripts are known from now on
    const streams = faulty.redis.passed.filter(isSubscribe).length;
    expect(await requestsOfTwo(10)).toBeLessThanOrEqual(2 * 6);
    expect(faulty.redis.passed.filter(isSubscribe).length - streams).toBe(2);
  });

  test("at most 6 Redis requests for 10 seconds, looking again and again", async () => {
    faulty.redis.faults = { request: (one) => (isSubscribe(one) ? { status: 500, body: "no" } : "pass") };
    const requests = await requestsOfTwo(10);
    expect(requests).toBeLessThanOrEqual(2 * 6);
    expect(requests).toBeGreaterThanOrEqual(2 * 4); // it did look
  });

  test("at most 6 Redis requests for 10 seconds, when the streams break meanwhile", async () => {
    const [, requests] = await Promise.all([
      eventually(() => {
        expect(faulty.redis.streams.size).toBe(2);
        for (const stream of faulty.redis.streams) stream.destroy();
      }),
      requestsOfTwo(10),
    ]);
    expect(requests).toBeLessThanOrEqual(2 * 6);
  });

  test("at most 6 for a task that ends within its wait, beside the 3 of its run, callback and all", async () => {
    const receiver = await Receiver.start();
    onTestFinished(() => receiver.stop());
    const body = { ...lasting(3_000), callbackUrl: receiver.open().url };
    expect((await submit({ ...body, ...lasting(1) }, "wait=10")).status).toBe(200);
    await faulty.redis.quiet(); // its callback is recorded, and the scripts are known from now on
    const before = faulty.redis.passed.length;
    expect((await submit(body, "wait=10")).status).toBe(200);
    await faulty.redis.quiet();
    expect(faulty.redis.passed.length - before).toBeLessThanOrEqual(6 + 3);
  });
});
