import { describe, expect } from "vitest";
import * as z from "zod";
import { type Client, newProject } from "../support/client.ts";
import { page, task as taskShape } from "../support/contract.ts";
import { test } from "../support/fixture.ts";

const UNKNOWN = "task_01jdn1k2m3e4f5g6h7j8k9m0n1";

const echo = async (client: Client, input: unknown): Promise<string> => {
  const { id } = await client.submit({ type: "diagnostics.echo", input });
  await client.ended(id);
  return id;
};

describe("GET /v1/tasks/{id}", () => {
  test("says when to look again while it is not done, and no longer when it is", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, delay: "2s" });
    const pending = await client.send("GET", `/v1/tasks/${id}`);
    expect(Number(pending.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(pending.headers.get("cache-control")).toBe("private, no-cache");
    await client.ended(id);
    const done = await client.send("GET", `/v1/tasks/${id}`);
    expect(done.headers.get("retry-after")).toBeNull();
    expect(done.headers.get("etag")).not.toBe(pending.headers.get("etag"));
  });

  test("answers 304 to the ETag that it gave", async ({ client }) => {
    const id = await echo(client, 1);
    const first = await client.send("GET", `/v1/tasks/${id}`);
    const etag = first.headers.get("etag") ?? "";
    expect(etag).toMatch(/^(W\/)?"[^"]+"$/);
    for (const candidate of [etag, `"other", ${etag}`, etag.replace(/^W\//, ""), "*"]) {
      const again = await client.send("GET", `/v1/tasks/${id}`, { headers: { "if-none-match": candidate } });
      expect(again.status, candidate).toBe(304);
      expect(again.text).toBe("");
      expect(again.headers.get("etag")).toBe(etag);
    }
    const other = await client.send("GET", `/v1/tasks/${id}`, { headers: { "if-none-match": '"other"' } });
    expect(other.status).toBe(200);
  });

  test("shows the input when asked to", async ({ client }) => {
    const id = await echo(client, { deep: [1] });
    expect((await client.send("GET", `/v1/tasks/${id}`)).json()).not.toHaveProperty("input");
    const full = await client.send("GET", `/v1/tasks/${id}?include=input`);
    expect(full.json()).toMatchObject({ input: { deep: [1] }, result: { deep: [1] } });
  });

  test("what is unknown or no id at all is 404", async ({ client }) => {
    for (const id of [UNKNOWN, "nonsense", "task_", UNKNOWN.toUpperCase(), "%00"]) {
      expect((await client.send("GET", `/v1/tasks/${id}`)).problem()).toMatchObject({ code: "not-found" });
    }
  });
});

describe("GET /v1/tasks/{id}/result", () => {
  test("200 with the bare result", async ({ client }) => {
    for (const value of [{ a: "ü" }, [], "text", 0, false, null]) {
      const id = await echo(client, value);
      const reply = await client.send("GET", `/v1/tasks/${id}/result`);
      expect(reply.status).toBe(200);
      expect(reply.headers.get("content-type")).toMatch(/^application\/json/);
      expect(reply.json()).toEqual(value);
    }
  });

  test("200 for a result that is larger than the task's own record", async ({ client }) => {
    const large = { text: "0123456789".repeat(20_000) };
    const id = await echo(client, large);
    expect((await client.send("GET", `/v1/tasks/${id}/result`)).json()).toEqual(large);
  });

  test("202 with where and when to look while it is pending", async ({ client }) => {
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, delay: "60s" });
    const reply = await client.send("GET", `/v1/tasks/${id}/result`);
    expect(reply.status).toBe(202);
    expect(Number(reply.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(reply.headers.get("location")).toBe(`${client.url}/v1/tasks/${id}/result`);
    expect(reply.headers.get("content-location")).toBe(`${client.url}/v1/tasks/${id}`);
  });

  // 204 needs a handler that returns nothing: own-tasks.test.ts. 410 needs a short life: limits.test.ts.

  test("409 when it failed or expired", async ({ client }) => {
    const failing = { type: "diagnostics.flaky", input: { failures: 9 }, retries: 0 };
    const late = { type: "diagnostics.flaky", input: { failures: 0, sleepMs: 20_000 }, deadline: "1s" };
    for (const [body, status] of [
      [failing, "failed"],
      [late, "expired"],
    ] as const) {
      const { id } = await client.submit(body);
      expect((await client.ended(id, 30_000)).status).toBe(status);
      const problem = (await client.send("GET", `/v1/tasks/${id}/result`)).problem();
      expect(problem).toMatchObject({ status: 409, code: "task-not-succeeded" });
      expect(problem.detail).toContain(status);
    }
  });

  test("404 when there is no such task", async ({ client }) => {
    expect((await client.send("GET", `/v1/tasks/${UNKNOWN}/result`)).problem().code).toBe("not-found");
  });
});

describe("GET /v1/tasks", () => {
  test("walks all of a project's tasks and nobody else's, newest first", async ({ stack }) => {
    const own = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    const submitted: string[] = [];
    for (let n = 0; n < 7; n++) {
      submitted.push((await own.submit({ type: "diagnostics.echo", input: n })).id);
    }
    const seen: string[] = [];
    let next: string | undefined = "/v1/tasks?limit=3";
    while (next !== undefined) {
      const reply = await own.send("GET", next);
      expect(reply.status).toBe(200);
      const { data, nextCursor } = page(taskShape).parse(reply.json());
      expect(data.length).toBeLessThanOrEqual(3);
      seen.push(...data.map((task) => task.id));
      const link = /<([^>]+)>; *rel="next"/.exec(reply.headers.get("link") ?? "")?.[1];
      expect(link === undefined).toBe(!nextCursor);
      if (link) expect(new URL(link).searchParams.get("cursor")).toBe(nextCursor);
      next = nextCursor ? `/v1/tasks?limit=3&cursor=${encodeURIComponent(nextCursor)}` : undefined;
    }
    const created = async (id: string): Promise<string> => (await own.task(id)).createdAt;
    const times = await Promise.all(seen.map(created));
    expect(times).toEqual([...times].sort().reverse());
    expect([...seen].sort()).toEqual([...submitted].sort());
  });

  test("a project without tasks has an empty list", async ({ stack }) => {
    const own = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    const { data, nextCursor } = page(z.unknown()).parse((await own.send("GET", "/v1/tasks")).json());
    expect(data).toEqual([]);
    expect(nextCursor ?? null).toBeNull();
  });

  test("a wrong limit or cursor is told", async ({ client }) => {
    for (const query of ["limit=0", "limit=x", "limit=1000", "cursor=garbage", "cursor=%FF"]) {
      const status = (await client.send("GET", `/v1/tasks?${query}`)).problem().status;
      expect(status === 400 || status === 422, query).toBe(true);
    }
  });
});
