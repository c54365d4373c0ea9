import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { ACCEPT } from "../../src/adapters/redis/tasks/accept.ts";
import { Client, eventually, newProject } from "../support/client.ts";
import type { Hosted } from "../support/host.ts";
import { ADMIN_TOKEN, hostImmediate } from "../support/host-immediate.ts";
import { signalGroup } from "../support/process.ts";
import { FaultProxy, runs } from "../support/proxy.ts";
import { Receiver, verified } from "../support/receiver.ts";
import { type Backing, startBacking } from "../support/stack.ts";
import { sweepNow } from "../support/waiting.ts";

/*
 * A gateway is killed after it has accepted a task that starts immediately. Another one, on the same Redis and QStash,
 * must bring the task to its end when the lease (timeout + 5 s) has ended: the same attempt, one event.
 */

const TIMEOUT = "2s";

let backing: Backing & { stop(): Promise<void> };
let receiver: Receiver;
let proxy: FaultProxy;
let killed: Hosted;
let other: Hosted;
let client: Client;
beforeAll(async () => {
  const { runtime, redisKind } = inject("stack");
  [backing, receiver] = await Promise.all([startBacking(redisKind), Receiver.start()]);
  proxy = await FaultProxy.start(backing.redis.url);
  [killed, other] = await Promise.all([
    hostImmediate(runtime, { ...backing, redisUrl: proxy.url }),
    hostImmediate(runtime, backing),
  ]);
  client = await newProject({ url: other.url, adminToken: ADMIN_TOKEN }, `killed-${crypto.randomUUID()}`);
}, 120_000);
afterAll(async () => {
  await Promise.all([killed?.stop(), other?.stop(), proxy?.stop(), receiver?.stop()]);
  await backing?.stop();
});

/** The other gateway sweeps until the task has ended. */
function ended(id: string) {
  return eventually(
    async () => {
      await sweepNow({ gateway: other, backing });
      const task = await client.task(id);
      if (!task.done) throw new Error(`${id} is still ${task.status}`);
      return task;
    },
    { timeoutMs: 40_000, everyMs: 500 },
  );
}

test("killed between the 202 and the end of an immediate attempt: the queue runs the same attempt", {
  timeout: 120_000,
}, async () => {
  const doomed = new Client(killed, client.authorization.slice("Bearer ".length));
  const [hanging, lost] = [
    receiver.open([{ hang: true }, { body: "here" }]),
    receiver.open([{ body: "found" }]),
  ];
  const inbox = receiver.open();
  const body = (url: string) => ({
    ...{ type: "immediate.asking", input: { url }, timeout: TIMEOUT },
    callbackUrl: inbox.url,
  });

  // In the middle of its handler.
  const { id } = await doomed.submit(body(hanging.url));
  await hanging.wait(1);
  // Between the accept and its answer: the client knows of nothing, and repeats its request elsewhere.
  const headers = { "idempotency-key": "repeated" };
  proxy.faults = {
    answer: (passing) => {
      if (!runs(passing, ACCEPT.lua)) return "pass";
      signalGroup(killed.pid, "SIGKILL");
      return "cut";
    },
  };
  await expect(doomed.send("POST", "/v1/tasks", { body: body(lost.url), headers })).rejects.toThrow();
  const again = await client.submit(body(lost.url), headers);
  expect(again).toMatchObject({ status: "running", attempt: 1 });

  expect(await ended(id)).toMatchObject({ status: "succeeded", result: { attempt: 1, text: "here" } });
  expect(await ended(again.id)).toMatchObject({ status: "succeeded", result: { attempt: 1, text: "found" } });
  const secret = await client.signingSecret();
  for (const task of [id, again.id]) {
    expect((await client.settled(task)).status).toBe("delivered");
    expect((await client.timeline(task)).map(({ type, cause }) => [type, cause])).toEqual([
      ["task.created", undefined],
      ["task.started", undefined],
      ["task.started", "lease-lapsed"],
      ["task.succeeded", undefined],
    ]);
  }
  const told = inbox.received.map((callback) => verified(callback, secret).data.id);
  expect(told.toSorted()).toEqual([id, again.id].toSorted());
  expect([hanging.received.length, lost.received.length]).toEqual([2, 1]);
});
