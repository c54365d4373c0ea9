import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { GIVEN } from "../../src/adapters/redis/sweep.ts";
import { END } from "../../src/adapters/redis/tasks/end.ts";
import { SWEEP_REQUESTS } from "../../src/shared/limits.ts";
import { type Client, eventually } from "../support/client.ts";
import { root } from "../support/process.ts";
import { commandsIn, type Passing, runs } from "../support/proxy.ts";
import { Deployment } from "./deployment.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let deployment: Deployment;
beforeAll(async () => {
  deployment = await Deployment.start();
});
afterAll(() => deployment?.stop());

const ECHO = { type: "diagnostics.echo", input: 1 } as const;
const batched = z.array(z.object({ destination: z.string(), body: z.string() }));

/** The bodies of the messages to that route that a request hands to the queue. */
function published({ path, body }: Passing, route: string): string[] {
  if (path.startsWith("/v2/publish/") && path.endsWith(`/internal/${route}`)) return [body.toString()];
  if (path !== "/v2/batch") return [];
  return batched
    .parse(JSON.parse(body.toString()))
    .filter(({ destination }) => destination.endsWith(`/internal/${route}`))
    .map((one) => one.body);
}

/** How often the queue was given a message of that route for each task, from then on. */
function publishesOf(ids: readonly string[], since: number, route = "run"): number[] {
  const bodies = deployment.qstash.passed.slice(since).flatMap((passing) => published(passing, route));
  return ids.map((id) => bodies.filter((body) => body.includes(id)).length);
}

async function submitMany(client: Client, count: number, body: object): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push((await client.submit({ ...ECHO, ...body })).id);
  return ids;
}

/** Submits tasks whose run messages the queue does not take. */
async function submitUnheard(client: Client, count: number, body: object): Promise<string[]> {
  deployment.qstash.faults = {
    request: (passing) => (published(passing, "run").length > 0 ? "cut" : "pass"),
  };
  const ids = await submitMany(client, count, body);
  await deployment.settle();
  deployment.qstash.faults = {};
  return ids;
}

const lanes = z.array(z.object({ flowControlKey: z.string() }));

async function qstash(method: string, path: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${deployment.queue.token}` };
  const answer = await fetch(`${deployment.queue.url}${path}`, { method, headers });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

async function keys(): Promise<string[]> {
  return lanes.parse(await qstash("GET", "/v2/flowControl")).map(({ flowControlKey }) => flowControlKey);
}

/** A line that lets nothing pass: of tasks with that `concurrencyKey`, one at a time. */
async function closedLine(client: Client): Promise<{ concurrencyKey: string; line: string }> {
  const concurrencyKey = crypto.randomUUID();
  const before = new Set(await keys());
  const { id } = await client.submit({ ...ECHO, concurrencyKey });
  await client.ended(id);
  const line = (await keys()).find((key) => key.startsWith("key.") && !before.has(key));
  if (!line) throw new Error("the task has made no line");
  await qstash("POST", `/v2/flowControl/${line}/pause`);
  return { concurrencyKey, line };
}

describe("messages that the queue holds in a line", () => {
  test("are published twice at most, however long 60 tasks wait for one another", {
    timeout: 60_000,
  }, async () => {
    const client = await deployment.project();
    const { concurrencyKey, line } = await closedLine(client);
    const since = deployment.qstash.passed.length;
    const ids = await submitMany(client, 60, { concurrencyKey });
    await deployment.pass(4 * HOUR, { every: 5 * MINUTE });
    expect((await client.task(ids[0] ?? "")).status).toBe("queued");
    expect(Math.max(...publishesOf(ids, since))).toBeLessThanOrEqual(2);
    await qstash("POST", `/v2/flowControl/${line}/resume`);
    for (const id of ids) expect(await client.ended(id)).toMatchObject({ status: "succeeded", attempt: 1 });
    expect(Math.max(...publishesOf(ids, since))).toBeLessThanOrEqual(2);
  });

  test("are lost there: within an hour another one is published", { timeout: 60_000 }, async () => {
    const client = await deployment.project();
    const { concurrencyKey, line } = await closedLine(client);
    const since = deployment.qstash.passed.length;
    const [id = ""] = await submitMany(client, 1, { concurrencyKey });
    await deployment.pass(5 * HOUR, { every: 5 * MINUTE });
    expect(publishesOf([id], since)).toEqual([2]);
    await qstash("DELETE", `/v2/messages?flowControlKey=${line}`);
    await qstash("POST", `/v2/flowControl/${line}/resume`);
    await deployment.pass(HOUR, { every: 5 * MINUTE });
    expect(await client.ended(id)).toMatchObject({ status: "succeeded", attempt: 1 });
  });

  test("are published again when the queue cannot say whether it holds them", async () => {
    const client = await deployment.project();
    const { concurrencyKey, line } = await closedLine(client);
    const since = deployment.qstash.passed.length;
    const [id = ""] = await submitMany(client, 1, { concurrencyKey });
    deployment.qstash.faults = {
      request: ({ method, path }) =>
        method === "GET" && path.startsWith("/v2/events") ? { status: 429, body: "slow down" } : "pass",
    };
    await deployment.pass(5 * MINUTE);
    deployment.qstash.faults = {};
    expect(publishesOf([id], since)[0]).toBeGreaterThan(2);
    await qstash("POST", `/v2/flowControl/${line}/resume`);
    expect(await client.ended(id)).toMatchObject({ status: "succeeded", attempt: 1 });
  });

  test("are deliveries': the same holds for them", async () => {
    const client = await deployment.project();
    const inbox = deployment.receiver.open([{ status: 500 }, { status: 200 }]);
    const since = deployment.qstash.passed.length;
    const before = new Set(await keys());
    const { id } = await client.submit({ ...ECHO, callbackUrl: inbox.url });
    await client.ended(id);
    await deployment.settle();
    const line = (await keys()).find((key) => key.startsWith("deliveries.") && !before.has(key));
    await qstash("POST", `/v2/flowControl/${line}/pause`);
    const [delivery] = await client.deliveries(id);
    await deployment.pass(6 * HOUR, { every: 5 * MINUTE });
    expect(inbox.received).toHaveLength(1);
    expect(publishesOf([delivery?.id ?? ""], since, "deliver")[0]).toBeLessThanOrEqual(2);
    await qstash("POST", `/v2/flowControl/${line}/resume`);
    expect((await client.settled(id)).status).toBe("delivered");
  });
});

describe("one invocation of the sweep", () => {
  /** What one invocation asks of Redis and the queue; what it hands on is taken from it. */
  async function requestsOf(run: () => Promise<void>): Promise<{ requests: number; handedOn: boolean }> {
    const { redis, qstash: queue } = deployment;
    const before = redis.passed.length + queue.passed.length;
    let handedOn = false;
    queue.faults = {
      request: (passing) => {
        if (published(passing, "sweep").length === 0) return "pass";
        handedOn = true;
        return { status: 200, body: '{"messageId":"msg_taken"}' };
      },
    };
    await run();
    queue.faults = {};
    return { requests: redis.passed.length + queue.passed.length - before, handedOn };
  }

  test("keeps within its requests, hands on the rest, and has put off nothing that it left", {
    timeout: 60_000,
  }, async () => {
    const client = await deployment.project();
    const ids = await submitUnheard(client, 60, { deadline: "30m" });
    await deployment.pass(31 * MINUTE, { cron: false });
    const before = Number(await deployment.command("ZCOUNT", "rb1:000:due", "-inf", `${deployment.now}`));
    const first = await requestsOf(() => deployment.sweep());
    expect(first.handedOn).toBe(true);
    expect(first.requests).toBeLessThanOrEqual(SWEEP_REQUESTS);
    const left = Number(await deployment.command("ZCOUNT", "rb1:000:due", "-inf", `${deployment.now}`));
    const tasks = await Promise.all(ids.map((id) => client.task(id)));
    const ended = tasks.filter(({ done }) => done).length;
    expect(ended).toBeGreaterThan(5);
    expect(left).toBe(before - ended);
    await deployment.sweep(); // the queue brings each next one
    await deployment.settle();
    for (const id of ids) expect(await client.ended(id)).toMatchObject({ status: "expired" });
  });

  test("waits for no receiver: ten that hang make no neighbour late", async () => {
    const { receiver } = deployment;
    const released = Promise.withResolvers<{ status: number }>();
    const hanging = receiver.open(() => released.promise);
    const [crowd, neighbour] = [await deployment.project(), await deployment.project()];
    await submitUnheard(crowd, 10, { deadline: "10m", callbackUrl: hanging.url });
    const [id = ""] = await submitUnheard(neighbour, 1, { deadline: "10m" });
    await deployment.pass(11 * MINUTE, { cron: false, every: 11 * MINUTE });
    const swept = deployment.sweep();
    await eventually(async () => expect((await neighbour.task(id)).status).toBe("expired"), {
      timeoutMs: 4_000,
    });
    released.resolve({ status: 200 });
    await swept;
  });

  test("leaves alone what it cannot read, names it, and looks after the others", async () => {
    const client = await deployment.project();
    const since = deployment.qstash.passed.length;
    const ids = await submitUnheard(client, 3, {});
    const [bad = "", ...good] = ids;
    const members = z
      .array(z.unknown())
      .parse(await deployment.command("ZRANGE", "rb1:000:due", "0", "-1"))
      .map(String);
    const member = members.find((one) => one.endsWith(bad)) ?? "";
    const [, project = ""] = member.split("|");
    await deployment.command("DEL", `rb1:000:${project}:t:${bad}`);
    await deployment.command("SET", `rb1:000:${project}:t:${bad}`, "poison");
    await deployment.pass(MINUTE);
    for (const id of good) expect((await client.ended(id)).status).toBe("succeeded");
    const line = deployment.gateway.logged.find((one) => one.startsWith("sweep-entry-failed"));
    expect(line).toContain(member);
    expect(line).toContain("WRONGTYPE");
    expect(publishesOf(good, since).every((count) => count <= 4)).toBe(true);
    await deployment.command("ZREM", "rb1:000:due", member);
  });

  test("whose end of a task Redis did not take ends the others, and that one next time", async () => {
    const client = await deployment.project();
    const ids = await submitUnheard(client, 3, { deadline: "10m" });
    await deployment.pass(10 * MINUTE, { cron: false, every: 10 * MINUTE });
    const [first = ""] = ids;
    deployment.redis.faults = {
      request: (passing) =>
        runs(passing, END.lua) &&
        commandsIn(passing)
          .flat()
          .some((word) => word.endsWith(first))
          ? "cut"
          : "pass",
    };
    await deployment.sweep();
    const statuses = await Promise.all(ids.map(async (id) => (await client.task(id)).status));
    expect(statuses.slice(1)).toEqual(["expired", "expired"]);
    expect(
      deployment.gateway.logged.some((one) => one.includes("sweep-entry-failed") && one.includes(first)),
    ).toBe(true);
    deployment.redis.faults = {};
    await deployment.pass(2 * MINUTE);
    expect((await client.ended(first)).status).toBe("expired");
  });

  test("that cannot note what it published has published it all the same", async () => {
    const client = await deployment.project();
    const [id = ""] = await submitUnheard(client, 1, {});
    deployment.redis.faults = { request: (passing) => (runs(passing, GIVEN.lua) ? "cut" : "pass") };
    await deployment.pass(MINUTE, { cron: false });
    await expect(deployment.sweep()).rejects.toThrow(/"given"/);
    deployment.redis.faults = {};
    expect((await client.ended(id)).status).toBe("succeeded");
  });
});

describe("the backup sweep", () => {
  test("that `npm run schedule` makes recovers a lost message without cron", {
    timeout: 60_000,
  }, async () => {
    const client = await deployment.project();
    const { stdout } = await promisify(execFile)("npm", ["run", "--silent", "schedule"], {
      cwd: root,
      env: {
        ...process.env,
        QSTASH_URL: deployment.queue.url,
        QSTASH_TOKEN: deployment.queue.token,
        RINGBACK_PUBLIC_URL: deployment.gateway.url,
      },
    });
    expect(stdout).toContain(`POST ${deployment.gateway.url}/internal/sweep`);
    const [id = ""] = await submitUnheard(client, 1, {});
    await deployment.pass(31 * MINUTE, { cron: false });
    expect(await client.ended(id)).toMatchObject({ status: "succeeded", attempt: 1 });
    const dead = z.object({ messages: z.array(z.unknown()) }).parse(await qstash("GET", "/v2/dlq"));
    expect(dead.messages).toEqual([]);
    await qstash("DELETE", "/v2/schedules/ringback-sweep");
  });
});
