import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Client } from "../support/client.ts";
import type { Task } from "../support/contract.ts";
import type { Passing } from "../support/proxy.ts";
import { sign } from "../support/qstash-signature.ts";
import { Deployment } from "./deployment.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let deployment: Deployment;
beforeAll(async () => {
  deployment = await Deployment.start("embedded");
});
afterAll(() => deployment?.stop());

const echo = (callbackUrl: string) => ({ type: "diagnostics.echo", input: 1, callbackUrl });

async function expectDelivered(client: Client, task: Task, attempt = 1): Promise<void> {
  expect(await client.task(task.id)).toMatchObject({ status: "succeeded", run: 1, attempt });
  expect((await client.settled(task.id)).status).toBe("delivered");
}

const REFUSALS = {
  "is away": "cut",
  "has used up its quota": {
    status: 429,
    body: '{"error":"Exceeded daily rate limit. Limit: 500"}',
  },
  "answers 500": { status: 500, body: '{"error":"internal"}' },
} as const;

describe.each(Object.entries(REFUSALS))("QStash %s for an hour", (_name, verdict) => {
  test("tasks are accepted all the same, and within an hour of its return all have ended", async () => {
    const { qstash, receiver } = deployment;
    const client = await deployment.project();
    const inbox = receiver.open();
    qstash.faults = { request: () => verdict };
    const ready = await client.send("GET", "/readyz");
    expect(ready.status).toBe(503);
    expect(ready.json()).toMatchObject({ redis: "ok", qstash: "unreachable" });
    const first = await client.submit(echo(inbox.url));
    await deployment.pass(55 * MINUTE, { every: 5 * MINUTE });
    const last = await client.submit(echo(inbox.url));
    const unwanted = await client.submit({ type: "diagnostics.echo", input: 1 });
    await deployment.pass(5 * MINUTE);
    expect(inbox.received).toHaveLength(0);
    expect((await client.task(first.id)).status).toBe("queued");
    const canceled = await client.send("POST", `/v1/tasks/${unwanted.id}/cancel`);
    expect(canceled.json()).toMatchObject({ status: "canceled" });
    qstash.faults = {};
    await deployment.pass(9 * MINUTE);
    await expectDelivered(client, last); // the less it has waited, the sooner it is looked at
    await deployment.pass(HOUR, { every: 5 * MINUTE });
    await expectDelivered(client, first);
    expect(inbox.received).toHaveLength(2);
  });
});

describe("QStash's messages", () => {
  /** Takes messages as QStash does, and keeps them. */
  function swallow(kept: Passing[]) {
    return (passing: Passing) => {
      kept.push(passing);
      return { status: 200, body: JSON.stringify({ messageId: `msg_${kept.length}` }) };
    };
  }

  test("are lost: the sweep sends others, and each task runs once", async () => {
    const { qstash, receiver } = deployment;
    const client = await deployment.project();
    const inbox = receiver.open();
    qstash.faults = { request: swallow([]) };
    const tasks = [await client.submit(echo(inbox.url)), await client.submit(echo(inbox.url))];
    await deployment.settle();
    qstash.faults = {};
    await deployment.pass(2 * MINUTE);
    for (const task of tasks) await expectDelivered(client, task);
    expect(inbox.received).toHaveLength(2);
  });

  test("come three days late: they are answered 200 and change nothing", async () => {
    const { qstash, receiver, gateway } = deployment;
    const client = await deployment.project();
    const inbox = receiver.open([{ status: 500 }, { status: 200 }]);
    const before = qstash.passed.length;
    qstash.faults = { request: swallow([]) };
    const task = await client.submit(echo(inbox.url));
    await deployment.settle();
    qstash.faults = {};
    await deployment.pass(3 * MINUTE);
    await expectDelivered(client, task);
    await deployment.pass(3 * DAY, { every: 6 * HOUR });
    const timeline = await client.timeline(task.id);
    const published = qstash.passed.slice(before).filter(({ path }) => path.startsWith("/v2/publish/"));
    const kinds = published.map(({ path }) => path.split("/").at(-1));
    expect(kinds).toEqual(["run", "deliver"]); // the one that was lost, and the one for the second attempt
    for (const { path, body } of published) {
      const url = decodeURIComponent(path.replace(/^\/v2\/publish\//, ""));
      const signature = await sign({
        key: deployment.queue.currentSigningKey,
        subject: url,
        body: body.toString(),
      });
      const headers = { "upstash-signature": signature, "content-type": "application/json" };
      const late = await fetch(new URL(new URL(url).pathname, gateway.url), {
        method: "POST",
        headers,
        body: body.toString(),
      });
      expect(late.status).toBe(200);
    }
    await deployment.settle();
    expect(await client.timeline(task.id)).toEqual(timeline);
    expect(inbox.received).toHaveLength(2); // the one that failed, and the one that did not
    expect(new Set(inbox.received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  });

  test("are lost while cron is paused for an hour: the first sweep afterwards brings every task to its end", async () => {
    const { qstash, receiver } = deployment;
    const client = await deployment.project();
    const inbox = receiver.open();
    qstash.faults = { request: swallow([]) };
    const task = await client.submit(echo(inbox.url));
    const short = await client.submit({ ...echo(inbox.url), deadline: "10m" });
    await deployment.settle();
    qstash.faults = {};
    await deployment.pass(HOUR, { cron: false });
    expect((await client.task(task.id)).status).toBe("queued");
    await deployment.sweep();
    await deployment.pass(MINUTE);
    await expectDelivered(client, task);
    expect(await client.task(short.id)).toMatchObject({
      status: "expired",
      error: { code: "never-started" },
    });
  });

  test("while cron is paused and nothing is lost, nobody notices", async () => {
    const client = await deployment.project();
    const inbox = deployment.receiver.open([{ status: 500 }, { status: 200 }]);
    const task = await client.submit({
      ...echo(inbox.url),
      type: "diagnostics.flaky",
      input: { failures: 2 },
    });
    await deployment.pass(HOUR, { cron: false, every: MINUTE / 2 });
    await expectDelivered(client, task, 3);
  });
});

describe("nodes whose clocks are five minutes off", () => {
  test("take each other's tasks further; every time that is told is Redis' own", async () => {
    const [fast, slow] = [await deployment.node(5 * MINUTE), await deployment.node(-5 * MINUTE)];
    const nodes = [await deployment.node(-5 * MINUTE, fast), await deployment.node(5 * MINUTE, slow)];
    const { receiver } = deployment;
    for (const node of nodes) {
      const inbox = receiver.open();
      const client = await deployment.project(node);
      const before = deployment.now;
      const task = await client.submit({ ...echo(inbox.url), deadline: "1m" });
      const delayed = await client.submit({ ...echo(inbox.url), delay: "2m" });
      await deployment.pass(MINUTE / 2);
      await expectDelivered(client, task);
      expect((await client.task(delayed.id)).status).toBe("scheduled");
      await deployment.pass(2 * MINUTE);
      await expectDelivered(client, delayed);
      const { createdAt, endedAt } = await client.task(task.id);
      for (const time of [createdAt, endedAt ?? ""]) {
        expect(Date.parse(time)).toBeGreaterThanOrEqual(before);
        expect(Date.parse(time)).toBeLessThan(deployment.now);
      }
      for (const { headers } of inbox.received) {
        const sentAt = Number(headers["webhook-timestamp"]) * 1_000;
        expect(Math.abs(sentAt - before)).toBeLessThan(4 * MINUTE); // receivers allow five minutes
      }
    }
  });

  test("believe QStash: its signature is good for five minutes, and five seconds more", async () => {
    const { gateway, queue } = deployment;
    const body = '{"v":1}';
    const subject = `${gateway.url}/internal/sweep`;
    const ahead = async (seconds: number) => {
      // To a clock that is ahead the signature is as old as it is to ours when it was made before.
      const expiresIn = 300 - seconds;
      const signature = await sign({ key: queue.currentSigningKey, subject, body, expiresIn });
      const headers = { "upstash-signature": signature };
      return (await fetch(subject, { method: "POST", headers, body })).status;
    };
    expect(await ahead(-300)).toBe(200);
    expect(await ahead(300)).toBe(200);
    expect(await ahead(310)).toBe(401);
  });
});
