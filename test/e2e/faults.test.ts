import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { ACCEPT } from "../../src/adapters/redis/tasks/accept.ts";
import { CLAIM } from "../../src/adapters/redis/tasks/claim.ts";
import { END } from "../../src/adapters/redis/tasks/end.ts";
import { task as taskShape } from "../support/contract.ts";
import { type FaultyGateway, startFaulty } from "../support/faulty-gateway.ts";
import { runs } from "../support/proxy.ts";

let faulty: FaultyGateway;
beforeAll(async () => {
  const { runtime, backing } = inject("stack");
  faulty = await startFaulty(runtime, backing);
});
afterAll(() => faulty?.stop());
afterEach(() => {
  faulty.redis.faults = {};
  faulty.qstash.faults = {};
});

const echo = { type: "diagnostics.echo", input: 1 };

// One after the other: they break what they share.
describe("when a service is away", { concurrent: false }, () => {
  test("Redis: 503 with when to come back, for writes and reads", async () => {
    const { client, redis } = faulty;
    const { id } = await client.submit(echo);
    await client.ended(id);
    redis.faults = { request: () => "cut" };
    for (const [method, path, body] of [
      ["POST", "/v1/tasks", echo],
      ["GET", `/v1/tasks/${id}`, undefined],
      ["GET", "/v1/tasks", undefined],
    ] as const) {
      const reply = await client.send(method, path, { body });
      expect(reply.problem()).toMatchObject({ status: 503, code: "temporarily-unavailable" });
      expect(Number(reply.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
      for (const inside of [redis.url, inject("stack").backing.redis.url, "EVALSHA", "rb1:"]) {
        expect(reply.text).not.toContain(inside);
      }
    }
  });

  test("Redis answers with rubbish: 503 as well", async () => {
    const { client, redis } = faulty;
    redis.faults = { answer: () => ({ status: 502, body: "<html>Bad Gateway</html>" }) };
    expect((await client.send("POST", "/v1/tasks", { body: echo })).problem().status).toBe(503);
  });

  test("Redis' answer is lost: repeated with the same Idempotency-Key there is one task", async () => {
    const { client, redis } = faulty;
    const headers = { "idempotency-key": crypto.randomUUID() };
    redis.faults = { answer: () => "cut" };
    const unknown = await client.send("POST", "/v1/tasks", { body: echo, headers });
    expect(unknown.problem().code).toBe("temporarily-unavailable");
    redis.faults = {};
    const known = await client.send("POST", "/v1/tasks", { body: echo, headers });
    expect(known.status).toBe(202);
    expect(known.headers.get("idempotent-replayed")).toBe("true");
    const again = await client.send("POST", "/v1/tasks", { body: echo, headers });
    expect(taskShape.parse(again.json()).id).toBe(taskShape.parse(known.json()).id);
  });

  test("Redis' answer is lost once: the gateway asks again and the work is done once", async () => {
    const { client, redis } = faulty;
    const lost = new Set<string>();
    redis.faults = {
      answer: (passing) => {
        const [script] = [ACCEPT, CLAIM, END].filter((one) => runs(passing, one.lua));
        if (!script || lost.has(script.name)) return "pass";
        lost.add(script.name);
        return "cut";
      },
    };
    const { id } = await client.submit(echo);
    const task = await client.ended(id);
    expect([...lost]).toEqual(["accept", "claim", "end"]);
    expect(task).toMatchObject({ status: "succeeded", attempt: 1 });
    const types = (await client.timeline(id)).map((item) => item.type);
    expect(types).toEqual(["task.created", "task.started", "task.succeeded"]);
  });

  test("QStash: the 202 is given all the same, and does not wait for it", async () => {
    const { client, qstash } = faulty;
    const held = Promise.withResolvers<void>();
    qstash.faults = {
      request: async () => {
        await held.promise;
        return "cut" as const;
      },
    };
    await client.submit(echo); // would hang here
    held.resolve();
  });

  test("a run that comes after the deadline never starts", async () => {
    const { client, qstash } = faulty;
    qstash.faults = {
      request: async () => {
        await sleep(2_500);
        return "pass" as const;
      },
    };
    const { id } = await client.submit({ ...echo, deadline: "1s" });
    const task = await client.ended(id);
    expect(task).toMatchObject({ status: "expired", attempt: 0, error: { code: "never-started" } });
    expect(task.startedAt).toBeUndefined();
    const types = (await client.timeline(id)).map((item) => item.type);
    expect(types).toEqual(["task.created", "task.expired"]);
  });
});
