import { describe, expect } from "vitest";
import { newProject, type Reply } from "../support/client.ts";
import { type Task, task as taskShape } from "../support/contract.ts";
import { test } from "../support/fixture.ts";

/** A task that takes so long, and then succeeds (or fails). */
const lasting = (sleepMs: number, failures = 0) => ({
  type: "diagnostics.flaky",
  input: { failures, sleepMs, payload: "done" },
  retries: 0,
});

async function timed(call: Promise<Reply>): Promise<{ reply: Reply; took: number }> {
  const before = performance.now();
  const reply = await call;
  return { reply, took: performance.now() - before };
}

describe("Prefer: wait on POST /v1/tasks", () => {
  test("200 with the result as soon as it has ended in time", async ({ client }) => {
    const { reply, took } = await timed(
      client.send("POST", "/v1/tasks", { body: lasting(700), headers: { prefer: "wait=10" } }),
    );
    expect(reply.status).toBe(200);
    expect(reply.headers.get("preference-applied")).toBe("wait=10");
    expect(reply.headers.get("vary")?.toLowerCase()).toContain("prefer");
    expect(reply.headers.get("retry-after")).toBeNull();
    const task = taskShape.parse(reply.json());
    expect(task).toMatchObject({ status: "succeeded", done: true, result: { payload: "done" } });
    expect(reply.headers.get("operation-location")).toBe(`${client.url}/v1/tasks/${task.id}/operation`);
    expect(reply.headers.get("content-location")).toBe(`${client.url}/v1/tasks/${task.id}`);
    expect(took).toBeGreaterThan(650);
    expect(took).toBeLessThan(10_000);
  });

  test("200 also when it ended badly", async ({ client }) => {
    const reply = await client.send("POST", "/v1/tasks", {
      body: lasting(100, 9),
      headers: { prefer: "wait=10" },
    });
    expect(reply.status).toBe(200);
    expect(reply.headers.get("preference-applied")).toBe("wait=10");
    expect(reply.json()).toMatchObject({ status: "failed", error: { code: "flaky" } });
  });

  test("200 with a result that is larger than the task's own record", async ({ client }) => {
    const input = { text: "0123456789".repeat(20_000) };
    const reply = await client.send("POST", "/v1/tasks", {
      body: { type: "diagnostics.echo", input },
      headers: { prefer: "wait=10" },
    });
    expect(reply.status).toBe(200);
    expect(reply.json()).toMatchObject({ result: input });
  });

  test("202 as without it, when the wait is over first; respond-async is named when asked for", async ({
    client,
  }) => {
    const body = lasting(20_000);
    const plain = await timed(client.send("POST", "/v1/tasks", { body, headers: { prefer: "wait=1" } }));
    expect(plain.reply.status).toBe(202);
    expect(plain.took).toBeGreaterThan(950);
    expect(plain.reply.headers.get("preference-applied")).toBeNull();
    expect(plain.reply.headers.get("location")).toMatch(/\/v1\/tasks\/task_/);
    expect(Number(plain.reply.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(taskShape.parse(plain.reply.json())).toMatchObject({
      done: false,
      status: expect.stringMatching(/^(?:queued|running)$/),
    });
    const both = await client.send("POST", "/v1/tasks", {
      body,
      headers: { prefer: "respond-async, wait=1" },
    });
    expect(both.status).toBe(202);
    expect(both.headers.get("preference-applied")).toBe("respond-async");
  });

  test("respond-async with a wait is answered within the wait too", async ({ client }) => {
    const reply = await client.send("POST", "/v1/tasks", {
      body: lasting(10),
      headers: { prefer: "respond-async, wait=10" },
    });
    expect(reply.status).toBe(200);
    expect(reply.headers.get("preference-applied")).toBe("wait=10");
  });

  test("N is capped at 25, and Preference-Applied says so", async ({ client }) => {
    const reply = await client.send("POST", "/v1/tasks", {
      body: lasting(10),
      headers: { prefer: "wait=600" },
    });
    expect(reply.status).toBe(200);
    expect(reply.headers.get("preference-applied")).toBe("wait=25");
  });

  test("what is no such preference is ignored", async ({ client }) => {
    for (const prefer of ["wait", "wait=0", "wait=-1", "wait=soon", "waiting=5", 'x="wait=5"', "=,;"]) {
      const reply = await client.send("POST", "/v1/tasks", { body: lasting(20_000), headers: { prefer } });
      expect(reply.status, prefer).toBe(202);
      expect(reply.headers.get("preference-applied"), prefer).toBeNull();
    }
  });

  test("a repetition under the same Idempotency-Key waits for the first one's end", async ({ client }) => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const body = lasting(2_000);
    const first = await client.submit(body, headers);
    const again = await client.send("POST", "/v1/tasks", {
      body,
      headers: { ...headers, prefer: "wait=10" },
    });
    expect(again.status).toBe(200);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(again.headers.get("preference-applied")).toBe("wait=10");
    expect(again.json()).toMatchObject({ id: first.id, status: "succeeded" });
    const late = await client.send("POST", "/v1/tasks", { body, headers: { ...headers, prefer: "wait=1" } });
    expect(late.status).toBe(200);
    const short = { ...body, input: { ...body.input, sleepMs: 4_000 } };
    const other = { "idempotency-key": crypto.randomUUID(), prefer: "wait=1" };
    expect((await client.send("POST", "/v1/tasks", { body: short, headers: other })).status).toBe(202);
    expect((await client.send("POST", "/v1/tasks", { body: short, headers: other })).status).toBe(202);
  });

  test("a key that may only submit sees the end of what it submits", async ({ stack }) => {
    const writer = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`, ["tasks:write"]);
    const reply = await writer.send("POST", "/v1/tasks", {
      body: lasting(300),
      headers: { prefer: "wait=10" },
    });
    expect(reply.status).toBe(200);
    expect(reply.json()).toMatchObject({ status: "succeeded", result: { payload: "done" } });
  });

  test("refusals are not held back", async ({ client }) => {
    const { reply, took } = await timed(
      client.send("POST", "/v1/tasks", {
        body: { type: "no.such", input: 1 },
        headers: { prefer: "wait=10" },
      }),
    );
    expect(reply.status).toBe(422);
    expect(reply.headers.get("vary")?.toLowerCase()).toContain("prefer");
    expect(took).toBeLessThan(10_000);
  });
});

describe("Prefer: wait on GET /v1/tasks/{id}", () => {
  test("waits until it is done", async ({ client }) => {
    const { id } = await client.submit(lasting(1_500));
    const reply = await client.send("GET", `/v1/tasks/${id}`, { headers: { prefer: "wait=10" } });
    expect(reply.status).toBe(200);
    expect(reply.headers.get("preference-applied")).toBe("wait=10");
    expect(reply.headers.get("vary")).toBe("Prefer");
    expect(reply.json()).toMatchObject({ done: true, result: { payload: "done" } });
    const done = await timed(client.send("GET", `/v1/tasks/${id}`, { headers: { prefer: "wait=10" } }));
    expect(done.reply.json()).toMatchObject({ done: true });
    expect(done.took).toBeLessThan(10_000);
  });

  test("after N seconds the task as it is then", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, delay: "60s" });
    const { reply, took } = await timed(
      client.send("GET", `/v1/tasks/${id}`, { headers: { prefer: "wait=1" } }),
    );
    expect(reply.status).toBe(200);
    expect(reply.json()).toMatchObject({ done: false, status: "scheduled" });
    expect(reply.headers.get("preference-applied")).toBeNull();
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(took).toBeGreaterThan(950);
  });

  test("with If-None-Match until the ETag differs", async ({ client }) => {
    const { id } = await client.submit({ ...lasting(3_000), delay: "2s" });
    const first = await client.send("GET", `/v1/tasks/${id}`);
    const seen: Task["status"][] = [];
    let etag = first.headers.get("etag") ?? "";
    for (let n = 0; n < 6; n++) {
      const headers = { prefer: "wait=10", "if-none-match": etag };
      const reply = await client.send("GET", `/v1/tasks/${id}`, { headers });
      expect(reply.status).toBe(200);
      expect(reply.headers.get("etag")).not.toBe(etag);
      expect(reply.headers.get("preference-applied")).toBe("wait=10");
      etag = reply.headers.get("etag") ?? "";
      const task = taskShape.parse(reply.json());
      if (task.status !== seen.at(-1)) seen.push(task.status);
      if (task.done) break;
    }
    expect(seen.filter((status) => status !== "queued")).toEqual(["running", "succeeded"]);
  });

  test("with If-None-Match 304 at N seconds, when it is still the same", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, delay: "60s" });
    const etag = (await client.send("GET", `/v1/tasks/${id}`)).headers.get("etag") ?? "";
    const { reply, took } = await timed(
      client.send("GET", `/v1/tasks/${id}`, { headers: { prefer: "wait=1", "if-none-match": etag } }),
    );
    expect(reply.status).toBe(304);
    expect(reply.text).toBe("");
    expect(reply.headers.get("etag")).toBe(etag);
    expect(reply.headers.get("vary")).toBe("Prefer");
    expect(took).toBeGreaterThan(950);
    const other = await timed(
      client.send("GET", `/v1/tasks/${id}`, { headers: { prefer: "wait=5", "if-none-match": '"old"' } }),
    );
    expect(other.reply.status).toBe(200);
    expect(other.took).toBeLessThan(5_000);
  });

  test("what has ended changes no more: 304 at once", async ({ client }) => {
    const { id } = await client.submit(lasting(1));
    await client.ended(id);
    const etag = (await client.send("GET", `/v1/tasks/${id}`)).headers.get("etag") ?? "";
    const { reply, took } = await timed(
      client.send("GET", `/v1/tasks/${id}`, { headers: { prefer: "wait=10", "if-none-match": etag } }),
    );
    expect(reply.status).toBe(304);
    expect(took).toBeLessThan(10_000);
  });
});

describe("Prefer: wait on GET /v1/tasks/{id}/result", () => {
  test("waits for the result", async ({ client }) => {
    const { id } = await client.submit(lasting(4_000));
    const early = await timed(
      client.send("GET", `/v1/tasks/${id}/result`, { headers: { prefer: "wait=1" } }),
    );
    expect(early.reply.status).toBe(202);
    expect(early.reply.headers.get("vary")).toBe("Prefer");
    const reply = await client.send("GET", `/v1/tasks/${id}/result`, { headers: { prefer: "wait=10" } });
    expect(reply.status).toBe(200);
    expect(reply.headers.get("preference-applied")).toBe("wait=10");
    expect(reply.json()).toMatchObject({ payload: "done" });
  });

  test("409 as soon as it has failed", async ({ client }) => {
    const { id } = await client.submit(lasting(800, 9));
    const reply = await client.send("GET", `/v1/tasks/${id}/result`, { headers: { prefer: "wait=10" } });
    expect(reply.problem()).toMatchObject({ status: 409, code: "task-not-succeeded" });
  });
});
