import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Client, eventually, newProject, type Reply } from "../support/client.ts";
import { QUICK } from "../support/shared-stack.ts";
import { type Gateway, startGateway } from "../support/stack.ts";

const RATE = 4;
const OPEN = 8;

let gateway: Gateway;
beforeAll(async () => {
  const { runtime, backing } = inject("stack");
  gateway = await startGateway(runtime, backing, {
    env: {
      ...QUICK,
      RINGBACK_RATE_LIMIT: `${RATE}`,
      RINGBACK_MAX_OPEN: `${OPEN}`,
      RINGBACK_RESULT_TTL: "2s",
      RINGBACK_MAX_BODY: "2KiB",
    },
  });
});
afterAll(async () => {
  await gateway?.running.stop();
});

const project = (): Promise<Client> => newProject(gateway, `e2e-${crypto.randomUUID()}`);
const post = (client: Client, body: object, headers: Record<string, string> = {}): Promise<Reply> =>
  client.send("POST", "/v1/tasks", { body: { type: "diagnostics.echo", input: 1, ...body }, headers });

describe("what a project may do", () => {
  test("over its rate: 429 with when to come back, and then it is let in", async () => {
    const client = await project();
    const replies = await Promise.all(Array.from({ length: RATE * 10 }, () => post(client, {})));
    const accepted = replies.filter((reply) => reply.status === 202);
    const refused = replies.filter((reply) => reply.status === 429);
    expect(accepted.length + refused.length).toBe(replies.length);
    expect(accepted.length).toBeGreaterThanOrEqual(RATE);
    const [first] = refused;
    expect(first?.problem().code).toBe("rate-limited");
    const wait = Number(first?.headers.get("retry-after"));
    expect(wait).toBeGreaterThanOrEqual(1);
    expect(wait).toBeLessThanOrEqual(2);
    expect(first?.headers.get("ratelimit")).toMatch(/^"default";r=0;t=\d+$/);
    expect(first?.headers.get("ratelimit-policy")).toMatch(/^"default";q=4;w=1/);
    await sleep(wait * 1_000);
    expect((await post(client, {})).status).toBe(202);
  });

  test("a replay by Idempotency-Key is answered before the rate is looked at", async () => {
    const client = await project();
    const headers = { "idempotency-key": "k" };
    expect((await post(client, {}, headers)).status).toBe(202);
    const replies = await Promise.all(Array.from({ length: 3 * RATE }, () => post(client, {}, headers)));
    expect(replies.map((reply) => reply.status)).toEqual(replies.map(() => 202));
  });

  test("over its quota of open tasks: 429, until one of them ends", async () => {
    const client = await project();
    let accepted = 0;
    const refused = await eventually(
      async () => {
        const reply = await post(client, { delay: accepted === 0 ? "4s" : "1h" });
        if (reply.status === 202) accepted++;
        else if (reply.problem().code === "quota-exceeded") return reply;
        else await sleep(Number(reply.headers.get("retry-after")) * 1_000);
        throw new Error(`accepted ${accepted}, last answer ${reply.status}`);
      },
      { timeoutMs: 20_000, everyMs: 0 },
    );
    expect(accepted).toBe(OPEN);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    await eventually(
      async () => {
        expect((await post(client, { delay: "1h" })).status).toBe(202);
      },
      { timeoutMs: 15_000, everyMs: 500 },
    );
  });

  test("one project's flood is not another's", async () => {
    const [loud, quiet] = await Promise.all([project(), project()]);
    const flood = Promise.all(Array.from({ length: 5 * RATE }, () => post(loud, {})));
    expect((await post(quiet, {})).status).toBe(202);
    expect((await flood).some((reply) => reply.status === 429)).toBe(true);
  });

  test("a body over the deployer's own limit", async () => {
    const client = await project();
    expect((await post(client, { input: "x".repeat(3_000) })).problem().code).toBe("payload-too-large");
    expect((await post(client, { input: "x".repeat(1_000) })).status).toBe(202);
  });
});

test("410 when the result's time is over: the task outlives its result", async () => {
  const client = await project();
  const { id } = await client.submit({ type: "diagnostics.echo", input: "soon gone" });
  const task = await client.ended(id);
  expect(Date.parse(task.resultExpiresAt ?? "") - Date.parse(task.endedAt ?? "")).toBe(2_000);
  const gone = await eventually(
    async () => {
      const reply = await client.send("GET", `/v1/tasks/${id}/result`);
      if (reply.status === 200) throw new Error("still there");
      return reply;
    },
    { timeoutMs: 10_000 },
  );
  expect(gone.problem()).toMatchObject({ status: 410, code: "result-expired" });
  const later = await client.task(id);
  expect(later.status).toBe("succeeded");
  expect(later).not.toHaveProperty("result");
});
