import { afterAll, beforeAll, describe, expect, inject } from "vitest";
import { type Client, eventually, newProject } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import { type Hosted, host } from "../support/host.ts";
import { variablesOn } from "../support/stack.ts";

// A deployment of somebody's own, with the task types of test/support/own-deployment.ts, on the bare runtime.

const ADMIN_TOKEN = "own-deployment-admin-token";

let hosted: Hosted;
let client: Client;
beforeAll(async () => {
  const { runtime, backing } = inject("stack");
  hosted = await host(runtime, "test/support/own-deployment.ts", (url) =>
    variablesOn(backing, url, ADMIN_TOKEN),
  );
  client = await newProject({ url: hosted.url, adminToken: ADMIN_TOKEN }, `own-${crypto.randomUUID()}`);
});
afterAll(() => hosted?.stop());

describe("a handler", () => {
  test("that returns nothing: 204", async () => {
    const { id } = await client.submit({ type: "own.nothing", input: {} });
    const task = await client.ended(id);
    expect(task.status).toBe("succeeded");
    expect(task).not.toHaveProperty("result");
    const reply = await client.send("GET", `/v1/tasks/${id}/result`);
    expect(reply.status).toBe(204);
    expect(reply.text).toBe("");
  });

  test("is told what it works on", async () => {
    const metadata = { order: "o-7" };
    const { id } = await client.submit({ type: "own.context", input: { text: "t" }, metadata });
    const { result, createdAt, deadlineAt } = await client.ended(id);
    expect(result).toEqual({
      input: { text: "t" },
      attempt: 1,
      idempotencyKey: `${id}.1`,
      task: {
        id,
        type: "own.context",
        run: 1,
        project: expect.stringMatching(/^prj_/),
        createdAt,
        deadlineAt,
        metadata,
      },
    });
  });

  test("that says it is no use to try again is not tried again", async () => {
    const { id } = await client.submit({ type: "own.failing", input: { how: "final" } });
    expect(await client.ended(id)).toMatchObject({
      status: "failed",
      attempt: 1,
      error: { code: "card-declined", message: "The card was declined.", retryable: false },
    });
  });

  test("that says when to try again is tried then", async () => {
    const { id } = await client.submit({ type: "own.failing", input: { how: "later" } });
    expect(await client.ended(id)).toMatchObject({ status: "succeeded", attempt: 2 });
    const starts = (await client.timeline(id)).filter((item) => item.type === "task.started");
    const [first = 0, second = 0] = starts.map((item) => Date.parse(item.at));
    expect(second - first).toBeGreaterThanOrEqual(4_000);
  });

  test("that fails unexpectedly keeps its secrets", async () => {
    const { id } = await client.submit({ type: "own.failing", input: { how: "unexpected" }, retries: 0 });
    const task = await client.ended(id);
    expect(task).toMatchObject({ status: "failed", error: { code: "handler-failed" } });
    expect(JSON.stringify(task)).not.toContain("hunter2");
  });

  test("that returns what JSON cannot hold fails", async () => {
    const { id } = await client.submit({ type: "own.failing", input: { how: "unjson" }, retries: 0 });
    expect((await client.ended(id)).status).toBe("failed");
  });

  test("that takes too long has its signal aborted and is tried again", async () => {
    const { id } = await client.submit({ type: "own.failing", input: { how: "slow" } });
    expect(await client.ended(id)).toMatchObject({ status: "succeeded", attempt: 2 });
  });

  test("says how far it is", { timeout: 40_000 }, async ({ receiver }) => {
    const file = receiver.open([{ delayMs: 12_000, body: "done" }]);
    const { id } = await client.submit({ type: "own.steps", input: { url: file.url } });
    await eventually(
      async () => {
        expect((await client.task(id)).progress).toMatchObject({ percent: 10, message: "begun" });
      },
      { timeoutMs: 14_000, everyMs: 300 },
    );
    expect((await client.ended(id, 20_000)).result).toBe("done");
  });
});

test("the diagnostics are not there unless they are asked for", async () => {
  const reply = await client.send("POST", "/v1/tasks", { body: { type: "diagnostics.echo", input: 1 } });
  expect(reply.problem().code).toBe("unknown-task-type");
});
