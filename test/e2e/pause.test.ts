import { describe, expect } from "vitest";
import { type Client, eventually, newProject } from "../support/client.ts";
import { test } from "../support/fixture.ts";

const echo = { type: "diagnostics.echo", input: 1 };

async function post(client: Client, path: string) {
  const reply = await client.send("POST", path);
  if (reply.status !== 200) throw new Error(`${reply.status}: ${reply.text}`);
  return reply.json();
}

/** Waits until the task's next attempt is held. */
function held(client: Client, id: string) {
  return eventually(async () => {
    const task = await client.task(id);
    if (!("paused" in task)) throw new Error(`${id} is ${task.status}, and not paused`);
    return task;
  });
}

describe("POST /v1/pause and /v1/resume", () => {
  test("tasks are accepted and held, and start when the project is resumed", async ({ stack }) => {
    const client = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    expect(await post(client, "/v1/pause")).toEqual({ paused: true, pausedTypes: [] });
    expect(await post(client, "/v1/pause")).toEqual({ paused: true, pausedTypes: [] });
    const { id } = await client.submit(echo);
    expect(await held(client, id)).toMatchObject({ status: "queued", attempt: 0, paused: true });
    expect(await post(client, "/v1/resume")).toEqual({ paused: false, pausedTypes: [] });
    expect(await client.ended(id)).toMatchObject({ status: "succeeded", attempt: 1 });
    expect(await client.task(id)).not.toHaveProperty("paused");
  });

  test("a held task expires at its deadline, and can be canceled", async ({ stack }) => {
    const client = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    await post(client, "/v1/pause");
    const { id } = await client.submit(echo);
    await held(client, id);
    const canceled = await client.send("POST", `/v1/tasks/${id}/cancel`);
    expect(canceled.json()).toMatchObject({ status: "canceled" });
    expect(canceled.json()).not.toHaveProperty("paused");
    await post(client, "/v1/resume");
    expect((await client.task(id)).status).toBe("canceled");
  });
});

describe("POST /v1/task-types/{type}/pause and /resume", () => {
  test("hold one type, and let the others run", async ({ stack }) => {
    const client = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    expect(await post(client, "/v1/task-types/diagnostics.echo/pause")).toEqual({
      paused: false,
      pausedTypes: ["diagnostics.echo"],
    });
    const types = (await client.send("GET", "/v1/task-types")).json();
    expect(types).toMatchObject({
      data: expect.arrayContaining([
        expect.objectContaining({ type: "diagnostics.echo", paused: true }),
        expect.objectContaining({ type: "diagnostics.flaky", paused: false }),
      ]),
    });
    const one = await client.submit(echo);
    const other = await client.submit({ type: "diagnostics.flaky", input: { failures: 0 } });
    await client.ended(other.id);
    await held(client, one.id);
    await post(client, "/v1/pause");
    await post(client, "/v1/resume");
    await held(client, one.id);
    expect(await post(client, "/v1/task-types/diagnostics.echo/resume")).toEqual({
      paused: false,
      pausedTypes: [],
    });
    await client.ended(one.id);
  });

  test("refuse an unknown type, and a key without the scope admin", async ({ client, stack }) => {
    const unknown = await client.send("POST", "/v1/task-types/no.such/pause");
    expect(unknown.problem().code).toBe("not-found");
    const writer = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`, ["tasks:write"]);
    for (const path of ["/v1/pause", "/v1/resume", "/v1/task-types/diagnostics.echo/pause"]) {
      expect((await writer.send("POST", path)).problem().code).toBe("forbidden");
    }
  });
});
