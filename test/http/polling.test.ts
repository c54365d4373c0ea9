import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import type { Store } from "../../src/ports/store.ts";
import { defineTask } from "../../src/task.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import { knowing, NOW, open, PUBLIC_URL, readToken, taskRecord } from "./gateway.ts";

const good = { type: "test.echo", input: 1 };
const { id } = taskRecord();
const self = `${PUBLIC_URL}/v1/tasks/${id}`;
const error = { code: "invalid-csv", message: "Line 3.", retryable: false };

describe("where a 202 leads", () => {
  const submit = async (query: string) => {
    const gateway = await open();
    const headers = { "content-type": "application/json" };
    return gateway.send("POST", `/v1/tasks${query}`, { body: JSON.stringify(good), headers });
  };

  test.each([
    ["", self],
    ["?location=task", self],
    ["?location=result", `${self}/result`],
  ])("POST /v1/tasks%s: Location %s", async (query, location) => {
    const answer = await submit(query);
    expect(answer.status).toBe(202);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      location,
      "operation-location": `${self}/operation`,
      "content-location": self,
    });
  });

  test.each(["?location=", "?location=operation", "?location=task&location=result", "?where=result"])(
    "%s is refused",
    async (query) => {
      const answer = await submit(query);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ code: "malformed-parameter" });
    },
  );

  test("a wait's 200 names the task that it shows", async () => {
    const gateway = await open({ store: knowing(taskRecord({ status: "succeeded", attempt: 1 })) });
    for (const [query, shown] of [
      ["", self],
      ["?include=input", `${self}?include=input`],
    ] as const) {
      const answer = await gateway.send("GET", `/v1/tasks/${id}${query}`, { headers: { prefer: "wait=1" } });
      expect([answer.status, answer.headers.get("content-location")]).toEqual([200, shown]);
    }
  });
});

describe("a pending result", () => {
  const ask = async (search: string, authorization?: string) =>
    (await open({ store: knowing(taskRecord()) })).send("GET", `/v1/tasks/${id}/result${search}`, {
      headers: authorization === undefined ? {} : { authorization },
    });

  test.each(["", "?raw", "?raw=true"])("leads back to itself: %s", async (search) => {
    const answer = await ask(search);
    expect(answer.status).toBe(202);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      location: `${self}/result${search}`,
      "content-location": self,
      "retry-after": "1",
    });
    expect(answer.headers.get("operation-location")).toBeNull();
    expect(await answer.json()).toMatchObject({ id, done: false });
  });

  test("keeps the token that it was asked for with", async () => {
    const search = `?token=${await readToken(id, NOW + 60_000)}&raw`;
    const answer = await ask(search, "");
    expect([answer.status, answer.headers.get("location")]).toEqual([202, `${self}/result${search}`]);
  });
});

describe("the result of a task that did not succeed", () => {
  for (const status of ["failed", "canceled", "expired"] as const) {
    test(`is 409 when the task ${status}, and says how it ended`, async () => {
      const record = taskRecord({ status, attempt: 1, endedAt: NOW, error });
      const answer = await (await open({ store: knowing(record) })).send("GET", `/v1/tasks/${id}/result`);
      expect(answer.status).toBe(409);
      const canceled = { code: "canceled", message: "The task is canceled.", retryable: false };
      expect(await answer.json()).toMatchObject({
        code: "task-not-succeeded",
        detail: `The task is ${status}: invalid-csv. Line 3.`,
        taskStatus: status,
        error: status === "canceled" ? canceled : error,
      });
    });
  }
});

describe("GET /v1/tasks/{id}/operation", () => {
  const read = async (changes: Partial<TaskRecord>) => {
    const gateway = await open({ store: knowing(taskRecord(changes)) });
    const answer = await gateway.send("GET", `/v1/tasks/${id}/operation`);
    expect(answer.status).toBe(200);
    return { headers: answer.headers, body: await answer.json() };
  };
  const created = "2026-11-24T09:00:00.000Z";
  const later = NOW + 1_500;
  const timeline = [
    { sequence: 1, at: NOW, run: 1, type: "task.created", actor: "client" },
    { sequence: 2, at: later, run: 1, type: "task.started", actor: "worker" },
  ] as const;

  test.each<[string, Partial<TaskRecord>, Record<string, unknown>]>([
    ["scheduled", { startsAt: NOW + 60_000 }, { status: "NotStarted" }],
    ["queued", {}, { status: "NotStarted" }],
    ["running", { status: "running", attempt: 1 }, { status: "Running" }],
    ["waiting", { status: "waiting", attempt: 1 }, { status: "Running" }],
    ["queued for another attempt", { attempt: 1, error }, { status: "Running" }],
    ["canceled", { status: "canceled", endedAt: NOW, error }, { status: "Canceled" }],
    [
      "failed",
      { status: "failed", attempt: 1, endedAt: NOW, error },
      { status: "Failed", error: { code: "invalid-csv", message: "Line 3." } },
    ],
    [
      "expired",
      {
        status: "expired",
        endedAt: NOW,
        error: { code: "never-started", message: "No attempt began.", retryable: false },
      },
      { status: "Failed", error: { code: "never-started", message: "No attempt began." } },
    ],
    [
      "succeeded",
      { status: "succeeded", attempt: 1, endedAt: NOW, progress: { percent: 40, at: NOW } },
      { status: "Succeeded", percentComplete: 100, resourceLocation: `${self}/result` },
    ],
  ])("%s", async (_, changes, shown) => {
    const { body, headers } = await read(changes);
    expect(body).toEqual({ id, createdDateTime: created, lastActionDateTime: created, ...shown });
    const isOver = ["Succeeded", "Failed", "Canceled"].includes(String(shown["status"]));
    expect(headers.get("retry-after") === null).toBe(isOver);
    expect(headers.get("etag")).toBeTruthy();
  });

  test("names the last change and the progress", async () => {
    const running = { status: "running", attempt: 1, timeline } as const;
    expect((await read(running)).body).toMatchObject({ lastActionDateTime: "2026-11-24T09:00:01.500Z" });
    const progress = { percent: 12.5, message: "half", at: later + 500 };
    expect((await read({ ...running, progress })).body).toMatchObject({
      percentComplete: 12.5,
      lastActionDateTime: "2026-11-24T09:00:02.000Z",
    });
    const words = { message: "soon", at: later };
    expect((await read({ ...running, progress: words })).body).not.toHaveProperty("percentComplete");
  });

  test("is 404 for a task that is not there, and 401 without a key", async () => {
    const gateway = await open({ store: knowing(taskRecord()) });
    const other = "task_01kawv0m1ne0nvxf9dkb2jc5h1";
    expect((await gateway.send("GET", `/v1/tasks/${other}/operation`)).status).toBe(404);
    const anonymous = { headers: { authorization: "" } };
    expect((await gateway.send("GET", `/v1/tasks/${id}/operation`, anonymous)).status).toBe(401);
  });
});

test("409 on DELETE of a pending task says where it is canceled", async () => {
  const store: Partial<Store> = {
    ...knowing(taskRecord()),
    readConfig: () => Promise.resolve({ kind: "missing", now: NOW }),
    deleteTask: () => Promise.resolve({ kind: "pending" }),
  };
  const answer = await (await open({ store })).send("DELETE", `/v1/tasks/${id}`);
  expect(answer.status).toBe(409);
  expect(await answer.json()).toMatchObject({
    code: "task-not-ended",
    links: { self, cancel: `${self}/cancel` },
  });
});

describe("a project that requires Idempotency-Key", () => {
  test("refuses a submit without one with 400", async () => {
    const store: Partial<Store> = { accept: () => Promise.resolve({ kind: "key-required" }) };
    const answer = await (await open({ store })).submit(good);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "idempotency-key-required" });
  });
});

describe("GET /v1/task-types", () => {
  const tree: z.ZodMiniType = z.strictObject({ name: z.string(), children: z.array(z.lazy(() => tree)) });
  const limited = defineTask({
    type: "test.limited",
    summary: "Counts leaves.",
    input: tree,
    result: z.object({ leaves: z.int() }),
    timeout: 90_000,
    retries: 0,
    concurrency: 2,
    rate: { limit: 5, period: 60_000 },
    handler: () => ({ leaves: 1 }),
  });
  const store: Partial<Store> = {
    readConfig: () => Promise.resolve({ kind: "found", config: { version: 1, json: "{}" }, now: 0 }),
  };

  test("lists each with its schemas and limits, durations as elsewhere", async () => {
    const gateway = await open({ store, tasks: [limited] });
    const answer = await gateway.send("GET", "/v1/task-types");
    expect(answer.status).toBe(200);
    const { data } = z
      .object({ data: z.array(z.looseObject({ type: z.string(), input: z.looseObject({}) })) })
      .parse(await answer.json());
    expect(data.map(({ type }) => type)).toEqual(["test.echo", "test.limited"]);
    expect(data[0]).toEqual({
      type: "test.echo",
      input: expect.objectContaining({ anyOf: expect.any(Array) }),
      timeout: "1m",
      retries: 3,
      start: "queue",
      paused: false,
    });
    expect(data[1]).toMatchObject({
      summary: "Counts leaves.",
      input: { required: ["name", "children"], properties: { children: { items: { $ref: "#" } } } },
      result: { properties: { leaves: { type: "integer" } } },
      timeout: "90s",
      retries: 0,
      concurrency: 2,
      rate: { limit: 5, period: "1m" },
      paused: false,
    });
  });

  test("is for keys with tasks:read", async () => {
    const forbids: Partial<Store> = { readConfig: () => Promise.resolve({ kind: "forbidden" }) };
    expect((await (await open({ store: forbids })).send("GET", "/v1/task-types")).status).toBe(403);
  });
});

describe("GET /", () => {
  const read = async (publicUrl: string) =>
    (await open({ settings: { publicUrl } })).send("GET", "/", { headers: { authorization: "" } });

  test("is a page that leads to the descriptions, for programs too", async () => {
    const answer = await read(PUBLIC_URL);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toMatch(/^text\/html/);
    expect(answer.headers.get("link")).toBe(
      '</openapi.json>; rel="service-desc", </docs>; rel="service-doc"',
    );
    const html = await answer.text();
    expect(html).toContain('href="/docs"');
    expect(html).not.toMatch(/<script|\bsrc=|url\(/);
  });

  test("follows the path of the public address", async () => {
    const answer = await read(`${PUBLIC_URL}/async`);
    expect(answer.headers.get("link")).toContain("</async/openapi.json>");
    expect(await answer.text()).toContain('href="/async/docs"');
  });
});
