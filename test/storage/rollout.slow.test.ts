import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { KINDS } from "../local/redis-stand-in.ts";
import { Client, eventually, newProject } from "../support/client.ts";
import { Receiver } from "../support/receiver.ts";
import { handOn } from "../support/waiting.ts";
import { type Rollout, startRollout, VERSION } from "./rollout.ts";

/*
 * While a version is rolled out, both are at work on one Redis: every other request is answered by the first version,
 * whole and as it was, and what one has begun the other goes on with.
 */

const registered = z.looseObject({ id: z.string() });
const keyed = z.looseObject({ key: z.string() });
const signing = z.looseObject({ secret: z.string() });
const by = (version: "old" | "new") => ({ [VERSION]: version });
const deliveries = z.looseObject({ data: z.array(z.looseObject({ status: z.string() })) });
const recovery = z.looseObject({ count: z.int(), recovered: z.int(), remaining: z.int() });

describe.each(KINDS)("the first version and this one, side by side on the %s engine", (kind) => {
  let rollout: Rollout;
  let receiver: Receiver;
  let client: Client;
  beforeAll(async () => {
    [rollout, receiver] = [await startRollout(kind), await Receiver.start()];
    client = await newProject(rollout, "rollout");
  });
  afterAll(async () => {
    await receiver?.stop();
    await rollout?.stop();
  });

  /** The only delivery of a task, once it is delivered or dead. The first version's answers lack what came later. */
  const settled = (taskId: string, timeoutMs: number) =>
    eventually(
      async () => {
        const reply = await client.send("GET", `/v1/deliveries?taskId=${taskId}`);
        const { data } = deliveries.parse(reply.json());
        expect(data.map(({ status }) => status)).toEqual([expect.stringMatching(/^(delivered|dead)$/)]);
        return data[0];
      },
      { timeoutMs, everyMs: 150 },
    );

  test("tasks go their whole way, and each is told of once at the least", async () => {
    const inbox = receiver.open();
    const submit = (n: number) =>
      client.submit(
        {
          type: "diagnostics.flaky",
          input: { failures: n % 2, payload: n },
          callbackUrl: inbox.url,
          ...(n % 3 === 0 && { concurrencyKey: "one-line" }),
        },
        { "idempotency-key": `k-${n}` },
      );
    const tasks: string[] = [];
    for (let n = 0; n < 8; n++) {
      const task = await submit(n);
      expect((await submit(n)).id).toBe(task.id); // the other version knows the key
      tasks.push(task.id);
    }
    for (const [n, id] of tasks.entries()) {
      expect(await client.ended(id, 60_000)).toMatchObject({ status: "succeeded", result: { payload: n } });
      expect(await settled(id, 60_000)).toMatchObject({ status: "delivered" });
      expect((await client.timeline(id)).at(-1)?.type).toBe("task.succeeded");
    }
    expect(new Set(inbox.received.map(({ headers }) => headers["webhook-id"])).size).toBe(8);
  }, 120_000);

  test("what one has begun the other cancels, completes, replays and erases", async () => {
    for (let round = 0; round < 2; round++) {
      const waiting = await handOn(client, receiver);
      await waiting.bearer.send("POST", `/v1/tasks/${waiting.id}/progress`, { body: { percent: 50 } });
      const complete = await waiting.bearer.send("POST", `/v1/tasks/${waiting.id}/complete`, {
        body: { result: round },
      });
      expect(complete.status).toBe(200);
      expect(await client.ended(waiting.id)).toMatchObject({ status: "succeeded", result: round });
      const replayed = await client.send("POST", `/v1/tasks/${waiting.id}/replay`);
      expect(replayed.json()).toMatchObject({ run: 2 });
      await client.task(waiting.id); // the versions change places
      const canceled = await client.send("POST", `/v1/tasks/${waiting.id}/cancel`);
      expect(canceled.json()).toMatchObject({ status: "canceled" });
      expect((await client.send("DELETE", `/v1/tasks/${waiting.id}`)).status).toBe(204);
      expect((await client.send("GET", `/v1/tasks/${waiting.id}`)).status).toBe(404);
      await client.send("GET", "/v1/tasks"); // and again, for the next round
    }
  }, 120_000);

  test("dead letters that one has written the other lists, sends again and recovers", async () => {
    const inbox = receiver.open(({ body }) => {
      const { type, data } = JSON.parse(body);
      return type === "endpoint.verification" ? { body: JSON.stringify({ challenge: data.challenge }) } : {};
    });
    const body = { url: inbox.url, events: ["task.succeeded"] };
    const made = await client.send("POST", "/v1/endpoints", { body, headers: by("old") });
    const { id } = registered.parse(made.json());
    const since = new Date(Date.now() - 60_000).toISOString();
    for (let n = 0; n < 6; n++) {
      const task = await client.submit({ type: "diagnostics.echo", input: n });
      await client.ended(task.id);
      expect(await settled(task.id, 20_000)).toMatchObject({ status: "dead" }); // it has not been verified
    }
    const verified = await client.send("POST", `/v1/endpoints/${id}/verify`, { headers: by("old") });
    expect(verified.status).toBe(200);
    const recover = async (version: "old" | "new", rest: object) => {
      const asked = { body: { since, ...rest }, headers: by(version) };
      const reply = await client.send("POST", `/v1/endpoints/${id}/recover`, asked);
      expect([200, 202]).toContain(reply.status);
      return recovery.parse(reply.json());
    };
    expect(await recover("new", { dryRun: true })).toMatchObject({ count: 6 }); // whoever has filed them
    expect(await recover("old", { dryRun: true })).toMatchObject({ count: 6 });
    const first = await recover("old", { pace: 100 });
    expect(first.recovered).toBe(6);
    const second = await recover("new", { pace: 100 });
    expect(first.recovered + second.recovered).toBe(6);
    expect(await recover("new", { dryRun: true })).toMatchObject({ count: 0 });
    await eventually(
      async () => {
        await rollout.sweep();
        const events = inbox.received.filter(({ body }) => body.includes("task.succeeded"));
        expect(new Set(events.map(({ headers }) => headers["webhook-id"])).size).toBe(6);
      },
      { timeoutMs: 60_000, everyMs: 500 },
    );
  }, 120_000);

  test("keys and secrets that one has made the other takes", async () => {
    for (const maker of ["old", "new"] as const) {
      const made = await new Client(rollout).send("POST", "/admin/keys", {
        body: { project: `made by the ${maker} one` },
        headers: { authorization: `Bearer ${rollout.adminToken}`, ...by(maker) },
      });
      const another = new Client(rollout, keyed.parse(made.json()).key);
      const secretBy = (version: "old" | "new") =>
        another.send("GET", "/v1/signing-secret", { headers: by(version) });
      const before = signing.parse((await secretBy(maker)).json()).secret;
      const rotate = { body: {}, headers: by(maker) };
      expect((await another.send("POST", "/v1/signing-secret/rotate", rotate)).status).toBe(200);
      for (const version of ["old", "new"] as const) {
        expect((await secretBy(version)).json()).toMatchObject({ previous: [{ secret: before }] });
        expect((await another.send("GET", "/v1/tasks", { headers: by(version) })).status).toBe(200);
      }
    }
  });

  test("callbacks of a project that this one has made arrive by either", async () => {
    const made = await new Client(rollout).send("POST", "/admin/keys", {
      body: { project: "callbacks of the new one" },
      headers: { authorization: `Bearer ${rollout.adminToken}`, ...by("new") },
    });
    const another = new Client(rollout, keyed.parse(made.json()).key);
    const inbox = receiver.open();
    for (let n = 0; n < 3; n++)
      await another.submit({ type: "diagnostics.echo", input: n, callbackUrl: inbox.url });
    await eventually(
      async () => {
        await rollout.sweep();
        expect(new Set(inbox.received.map(({ headers }) => headers["webhook-id"])).size).toBe(3);
      },
      { timeoutMs: 90_000, everyMs: 500 },
    );
  }, 120_000);

  test("in the end nothing is due, and both had their share", async () => {
    await eventually(
      async () => {
        await rollout.sweep();
        expect(await rollout.command("ZCARD", "rb1:000:due")).toBe(0);
      },
      { timeoutMs: 60_000, everyMs: 500 },
    );
    expect(Math.min(rollout.answered.old, rollout.answered.new)).toBeGreaterThan(50);
  }, 90_000);
});
