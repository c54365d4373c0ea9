import { afterAll, beforeAll, describe, expect, inject } from "vitest";
import * as z from "zod";
import { type Client, newProject } from "../support/client.ts";
import { type Task, task as taskShape } from "../support/contract.ts";
import { test } from "../support/fixture.ts";
import { type Hosted, host } from "../support/host.ts";
import { variablesOn } from "../support/stack.ts";

// A deployment of somebody's own: limited types, two attempts per concurrencyKey, ten per project.

const ADMIN_TOKEN = "limited-deployment-admin-token";
const PER_PROJECT = 10;

let hosted: Hosted;
beforeAll(async () => {
  const { runtime, backing } = inject("stack");
  hosted = await host(runtime, "test/support/limited-deployment.ts", (url) => ({
    ...variablesOn(backing, url, ADMIN_TOKEN),
    RINGBACK_CONCURRENCY_PER_KEY: "2",
    RINGBACK_CONCURRENCY_PER_PROJECT: `${PER_PROJECT}`,
  }));
});
afterAll(() => hosted?.stop());

const project = () => newProject({ url: hosted.url, adminToken: ADMIN_TOKEN }, `fair-${crypto.randomUUID()}`);

const accepted = z.object({ data: z.array(z.object({ task: taskShape })) });

/** Submits many in one request. */
async function submitAll(client: Client, tasks: readonly object[]): Promise<string[]> {
  const reply = await client.send("POST", "/v1/tasks/batch", { body: { tasks } });
  return accepted.parse(reply.json()).data.map(({ task }) => task.id);
}

async function allEnded(client: Client, ids: readonly string[]): Promise<Task[]> {
  const ended: Task[] = [];
  for (const id of ids) ended.push(await client.ended(id, 45_000));
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(["succeeded"]));
  return ended;
}

const startOf = (task: Task): number => Date.parse(task.startedAt ?? "");

/** How many of these ran at one time. */
function overlap(tasks: readonly Task[]): number {
  return Math.max(
    ...tasks.map((one) => {
      const at = startOf(one);
      return tasks.filter((other) => startOf(other) <= at && Date.parse(other.endedAt ?? "") > at).length;
    }),
  );
}

describe("concurrencyKey", () => {
  const keyed = (concurrencyKey: string, sleepMs: number) => ({
    type: "diagnostics.flaky",
    input: { failures: 0, sleepMs },
    concurrencyKey,
  });

  test("one at a time per key unless the deployment says otherwise; keys don't wait for one another", async ({
    client,
  }) => {
    const ids = await submitAll(client, [
      ...Array.from({ length: 5 }, () => keyed("customer/42", 300)),
      ...Array.from({ length: 5 }, () => keyed("customer/43", 300)),
    ]);
    const ended = await allEnded(client, ids);
    expect(overlap(ended.slice(0, 5))).toBe(1);
    expect(overlap(ended.slice(5))).toBe(1);
    expect(overlap(ended)).toBe(2);
  });

  test("at most K at a time, and K are", async () => {
    const client = await project();
    const one = { type: "limited.free", input: { sleepMs: 500 }, concurrencyKey: "k" };
    const ended = await allEnded(
      client,
      await submitAll(
        client,
        Array.from({ length: 8 }, () => one),
      ),
    );
    expect(overlap(ended)).toBe(2);
  });

  test("is the project's own: another project's key of that name is another", async () => {
    const [one, two] = [await project(), await project()];
    const tasks = Array.from({ length: 4 }, () => ({
      type: "limited.free",
      input: { sleepMs: 600 },
      concurrencyKey: "same",
    }));
    const ids = await Promise.all([submitAll(one, tasks), submitAll(two, tasks)]);
    const ended = await Promise.all([allEnded(one, ids[0]), allEnded(two, ids[1])]);
    expect(overlap(ended.flat())).toBe(4);
  });
});

// These share their types' lines, and so take turns.
describe("a type's limits", { concurrent: false }, () => {
  test("so many of it run at a time, whatever their projects", async () => {
    const clients = [await project(), await project()];
    const tasks = Array.from({ length: 4 }, () => ({ type: "limited.narrow", input: { sleepMs: 400 } }));
    const ids = await Promise.all(clients.map((client) => submitAll(client, tasks)));
    const ended = await Promise.all(clients.map((client, index) => allEnded(client, ids[index] ?? [])));
    expect(overlap(ended.flat())).toBe(2);
  });

  test("what waits in its concurrencyKey's line is held to them at its start", async () => {
    const client = await project();
    const tasks = Array.from({ length: 6 }, (_, n) => ({
      type: "limited.narrow",
      input: { sleepMs: 700 },
      ...(n > 1 && { concurrencyKey: `key-${n}` }),
    }));
    const ended = await allEnded(client, await submitAll(client, tasks));
    expect(overlap(ended)).toBe(2);
    for (const { attempt } of ended) expect(attempt).toBe(1);
  });

  test("so many of it start within a period", async () => {
    const client = await project();
    const tasks = Array.from({ length: 9 }, () => ({ type: "limited.paced", input: { sleepMs: 0 } }));
    const ended = await allEnded(client, await submitAll(client, tasks));
    const starts = ended.map(startOf).toSorted((a, b) => a - b);
    // Nine need three periods; the queue counts by its own clock, from the first one on.
    const first = Math.min(...ended.map(({ createdAt }) => Date.parse(createdAt)));
    expect((starts.at(-1) ?? 0) - first).toBeGreaterThanOrEqual(3_900);
    expect((starts[5] ?? 0) - first).toBeGreaterThanOrEqual(1_900);
  });
});

describe("one project's flood", () => {
  test("runs in its own line, and delays no other's task", async () => {
    const [loud, quiet] = [await project(), await project()];
    const tasks = Array.from({ length: 100 }, () => ({ type: "limited.free", input: { sleepMs: 300 } }));
    const flood: string[] = [];
    for (let n = 0; n < 3; n++) flood.push(...(await submitAll(loud, tasks)));
    const { id } = await quiet.submit({ type: "limited.free", input: { sleepMs: 0 } });
    const own = await quiet.ended(id);
    const after: Task[] = [];
    for (const one of flood) after.push(await loud.task(one));
    const before = after.filter(
      (task) => task.startedAt !== undefined && Date.parse(task.startedAt) < startOf(own),
    );
    // Of what came long before it nearly all begins after it.
    expect(before.length).toBeLessThan(150);
    const ended = await allEnded(loud, flood);
    expect(overlap(ended)).toBeLessThanOrEqual(PER_PROJECT);
    expect(overlap(ended)).toBeGreaterThan(1);
  });
});
