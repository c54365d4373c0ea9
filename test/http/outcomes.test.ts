import { describe, expect, test } from "vitest";
import * as z from "zod";
import { RequestTooLarge, StoreRefused, Undecryptable } from "../../src/ports/errors.ts";
import type { Store } from "../../src/ports/store.ts";
import { type AnyTask, defineTask } from "../../src/task.ts";
import type { TaskRecord } from "../../src/tasks/record.ts";
import { NOW, open, taskRecord } from "./gateway.ts";

const boom = (): never => {
  throw new Error("boom");
};
const handler = () => undefined;
const named = (urls: (input: unknown) => unknown) =>
  ({ input: z.unknown(), urls: urls as () => Record<string, string> }) as const;

const broken: Readonly<Record<string, Pick<AnyTask, "input" | "urls">>> = {
  "a transform that throws": { input: z.unknown().transform(boom) },
  "a refinement that throws": { input: z.unknown().refine(boom) },
  "an async refinement": { input: z.unknown().refine(() => Promise.resolve(true)) },
  "an async transform": { input: z.unknown().transform((value) => Promise.resolve(value)) },
  "a preprocess that throws": { input: z.preprocess(boom, z.unknown()) },
  "a default that throws": { input: z.union([z.string(), z.number().transform(boom)]) },
  "an error message that throws": { input: z.string({ error: boom }) },
  "urls that throws": named(boom),
  "urls that gives a promise": named(() => Promise.resolve({ "/a": "https://example.com" })),
  "urls that gives a text": named(() => "https://example.com"),
  "urls that gives null inside": named(() => ({ "/a": null })),
  "urls that gives an object whose URL throws": named(() => ({
    get "/a"() {
      return boom();
    },
  })),
};

/** Accepts every task of a batch. */
const acceptAll: Store["acceptAll"] = (commands) =>
  Promise.resolve(
    commands.map(() => ({
      kind: "accepted",
      record: taskRecord(),
      now: NOW,
      rate: { limit: 100, remaining: 99, reset: 10 },
      startsTold: false,
      paused: false,
    })),
  );

describe("a task type that cannot judge an input refuses that item alone, with 422", () => {
  for (const [what, { input, urls }] of Object.entries(broken)) {
    const task = defineTask({ type: "test.broken", input, handler, ...(urls && { urls }) });

    test(what, async () => {
      const gateway = await open({ tasks: [task], store: { acceptAll } });
      const alone = await gateway.submit({ type: "test.broken", input: 1 });
      expect(alone.status).toBe(422);
      expect(await alone.json()).toMatchObject({ code: "invalid-request", errors: [{ pointer: "#/input" }] });
      expect(gateway.logged).toContainEqual([
        "error",
        "schema-failed",
        expect.objectContaining({ type: "test.broken" }),
      ]);

      const batch = await gateway.send("POST", "/v1/tasks/batch", {
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          tasks: [
            { type: "test.broken", input: 1 },
            { type: "test.echo", input: 1 },
          ],
        }),
      });
      expect(batch.status).toBe(202);
      const { data } = (await batch.json()) as { data: readonly unknown[] };
      expect(data).toMatchObject([{ status: 422, problem: { code: "invalid-request" } }, { status: 202 }]);
    });
  }
});

describe("a task is measured alike alone and in a batch: its bytes as they were sent", () => {
  const maxBody = 1_000;
  const tasks: Readonly<Record<string, (size: number) => string>> = {
    letters: (size) => pad(`{"type":"test.echo","input":{"text":"${"x".repeat(900)}"}}`, size),
    "escapes that are written shorter": (size) =>
      pad(`{"type":"test.echo","input":{"text":"${"\\u0061".repeat(100)}"}}`, size),
    "numbers that are written longer": (size) =>
      pad(`{"type":"test.echo","input":[${"1e20,".repeat(150)}1]}`, size),
    spaces: (size) => pad('{"type":"test.echo","input":1}', size),
    "characters of three bytes": (size) =>
      pad(`{"type":"test.echo","input":{"text":"${"漢".repeat(300)}"}}`, size),
  };
  function pad(text: string, size: number): string {
    const missing = size - new TextEncoder().encode(text).byteLength;
    return text.replace("{", `{${" ".repeat(missing)}`);
  }

  for (const [what, make] of Object.entries(tasks)) {
    test(what, async () => {
      const gateway = await open({ settings: { maxBody }, store: { acceptAll } });
      const inBatch = async (item: string) => {
        const response = await gateway.send("POST", "/v1/tasks/batch", {
          headers: { "content-type": "application/json" },
          body: `{"tasks":[${item},{"type":"test.echo","input":2}]}`,
        });
        const { data } = (await response.json()) as { data: readonly { status: number }[] };
        return data[0]?.status;
      };
      for (const [size, status] of [
        [maxBody, 202],
        [maxBody + 1, 413],
      ] as const) {
        const text = make(size);
        expect(new TextEncoder().encode(text).byteLength).toBe(size);
        expect((await gateway.submit(text)).status).toBe(status);
        expect(await inBatch(text)).toBe(status);
      }
    });
  }
});

/** A gateway whose store has this one task. */
const withTask = (changes: Partial<TaskRecord>) => {
  const record = taskRecord({ status: "succeeded", endedAt: NOW, resultExpiresAt: NOW + 60_000, ...changes });
  const found = { kind: "found", now: NOW, deliveries: [] } as const;
  return open({
    store: {
      readTask: () => Promise.resolve({ ...found, record }),
      readTasks: () => Promise.resolve({ ...found, records: [record] }),
      readDeliveries: () => Promise.resolve({ kind: "found", now: NOW, records: [] }),
      readConfig: () => Promise.resolve({ kind: "found", config: { version: 1, json: "{}" }, now: NOW }),
      listTasks: () =>
        Promise.resolve({ kind: "found", visited: 1, positions: [{ at: NOW, id: record.id }] }),
    },
  });
};
const path = `/v1/tasks/${taskRecord().id}`;

describe("what nothing opens", () => {
  const lost = {
    input: { placement: "inline", undecryptable: true },
    result: { placement: "inline", undecryptable: true },
  } as const;

  test("leaves its task readable and listed", async () => {
    const gateway = await withTask(lost);
    const task = await gateway.send("GET", `${path}?include=input`);
    expect([task.status, await task.json()]).toMatchObject([200, { status: "succeeded" }]);
    const list = await gateway.send("GET", "/v1/tasks");
    expect([list.status, await list.json()]).toMatchObject([200, { data: [{ status: "succeeded" }] }]);
  });

  test("is told by a code of its own where it is asked for", async () => {
    const gateway = await withTask(lost);
    for (const [method, target] of [
      ["GET", `${path}/result`],
      ["POST", `${path}/replay`],
    ] as const) {
      const response = await gateway.send(method, target);
      expect([response.status, await response.json()], target).toMatchObject([
        410,
        { code: "undecryptable" },
      ]);
    }
  });
});

test("a result that an older gateway stored 7,000 levels deep does not break the list: its text stands for it", async () => {
  const json = "[".repeat(7_000) + "]".repeat(7_000);
  const list = await (await withTask({ result: { placement: "inline", json } })).send("GET", "/v1/tasks");
  expect([list.status, await list.json()]).toMatchObject([200, { data: [{ result: json }] }]);
});

describe("a service's answer comes back by ?raw, whatever its status and body", () => {
  for (const status of [200, 201, 204, 205, 206, 207, 304, 404, 418, 500, 599]) {
    for (const body of [null, "text", { a: 1 }]) {
      test(`${status} with ${JSON.stringify(body)}`, async () => {
        const result = {
          status,
          headers: { "content-type": "text/plain", "content-length": "9", "x-a": "b" },
          body,
        };
        const gateway = await withTask({
          type: "http.request",
          result: { placement: "inline", json: JSON.stringify(result) },
        });
        const response = await gateway.send("GET", `${path}/result?raw`);
        expect(response.status).toBe(status);
        const isEmpty = [204, 205, 304].includes(status) || body === null;
        const text = typeof body === "string" ? body : JSON.stringify(body);
        expect(await response.text()).toBe(isEmpty ? "" : text);
      });
    }
  }

  for (const result of [
    { status: 100, headers: {}, body: null },
    { status: 600, headers: {}, body: null },
    { status: 999, headers: {}, body: "a" },
    { status: 200.5, headers: {}, body: "a" },
    { status: 200, headers: { "x-a": 5, "x-b": null, "x-c": ["\n"], "x-d": "漢", "": "a" }, body: "a" },
    { status: 200, headers: [], body: "a", bodyEncoding: "base64" },
    { status: 200, headers: {}, body: "a", bodyText: 5 },
  ]) {
    test(`or the bare result: ${JSON.stringify(result)}`, async () => {
      const gateway = await withTask({
        type: "http.request",
        result: { placement: "inline", json: JSON.stringify(result) },
      });
      expect((await gateway.send("GET", `${path}/result?raw`)).status).toBe(200);
    });
  }
});

describe("what Redis will never do is told from an outage", () => {
  for (const [error, status, code] of [
    [new RequestTooLarge("too large"), 413, "payload-too-large"],
    [new StoreRefused("refused"), 500, "internal-error"],
    [new Undecryptable("lost"), 410, "undecryptable"],
  ] as const) {
    test(error.name, async () => {
      const gateway = await open({ store: { accept: () => Promise.reject(error) } });
      const response = await gateway.submit({ type: "test.echo", input: 1 });
      expect([response.status, await response.json()]).toMatchObject([status, { code }]);
      expect(response.headers.get("retry-after")).toBeNull();
    });
  }

  test("a task that is too large for Redis is 413", async () => {
    const gateway = await open({ store: { accept: () => Promise.resolve({ kind: "too-large" }) } });
    const response = await gateway.submit({ type: "test.echo", input: 1 });
    expect([response.status, await response.json()]).toMatchObject([413, { code: "payload-too-large" }]);
  });
});
