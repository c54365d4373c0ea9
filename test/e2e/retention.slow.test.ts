import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import * as z from "zod";
import { type Client, eventually, newProject } from "../support/client.ts";
import { type Gateway, startGateway } from "../support/stack.ts";

// A deployment with the shortest retention that there is for tasks that succeeded. Redis's own clock lets them go, so the
// test takes a minute.

const MINUTE = 60_000;
const retention = { succeeded: "1m", failed: "2h", canceled: "1m" };

let gateway: Gateway;
let client: Client;
beforeAll(async () => {
  const { runtime, backing } = inject("stack");
  gateway = await startGateway(runtime, backing, {
    env: {
      RINGBACK_TASK_RETENTION: JSON.stringify(retention),
      RINGBACK_RESULT_TTL: "1s",
      RINGBACK_SWEEP_INTERVAL: "1h",
    },
  });
  client = await newProject(gateway, `e2e-${crypto.randomUUID()}`);
});
afterAll(() => gateway?.running.stop());

const page = z.object({ data: z.array(z.object({ id: z.string() })) });

async function listed(query = ""): Promise<readonly string[]> {
  const reply = await client.send("GET", `/v1/tasks${query}`);
  return page.parse(reply.json()).data.map(({ id }) => id);
}

const statusOf = async (id: string): Promise<number> => (await client.send("GET", `/v1/tasks/${id}`)).status;

describe("RINGBACK_TASK_RETENTION by outcome", { concurrent: false }, () => {
  test("lets succeeded and canceled tasks go, and keeps failed ones", { timeout: 3 * MINUTE }, async () => {
    const flaky = { type: "diagnostics.flaky", retries: 0 };
    const good = await client.submit({ ...flaky, input: { failures: 0 } });
    const bad = await client.submit({ ...flaky, input: { failures: 1 } });
    const dropped = await client.submit({ ...flaky, input: { failures: 0 }, delay: "10m" });
    const longer = await client.submit({ ...flaky, input: { failures: 0 }, resultTtl: "1h" });
    await client.send("POST", `/v1/tasks/${dropped.id}/cancel`);
    expect((await client.ended(good.id)).status).toBe("succeeded");
    expect((await client.ended(bad.id)).status).toBe("failed");
    expect((await client.ended(longer.id)).status).toBe("succeeded");
    const endedAt = Date.now();
    const all = [good, bad, dropped, longer].map(({ id }) => id);
    expect((await listed()).toSorted()).toEqual(all.toSorted());

    await eventually(
      async () => {
        expect(await statusOf(good.id)).toBe(404);
        expect(await statusOf(dropped.id)).toBe(404);
      },
      { timeoutMs: 2 * MINUTE, everyMs: 2_000 },
    );
    expect(Date.now() - endedAt).toBeGreaterThan(MINUTE - 10_000); // not at once, but after its time

    expect(await client.task(bad.id)).toMatchObject({ status: "failed" });
    // Its result is kept for longer than tasks of its outcome are, and the task with it.
    expect(await client.task(longer.id)).toMatchObject({ status: "succeeded" });
    expect((await listed()).toSorted()).toEqual([bad.id, longer.id].toSorted());
    expect(await listed("?status=failed")).toEqual([bad.id]);
    expect(await listed("?status=canceled")).toEqual([]);
  });
});
