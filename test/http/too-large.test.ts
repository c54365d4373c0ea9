import { describe, expect, test } from "vitest";
import { RequestTooLarge } from "../../src/ports/errors.ts";
import type { Store } from "../../src/ports/store.ts";
import { ADMIN_TOKEN, NOW, open, taskRecord, taskToken } from "./gateway.ts";

const tooLarge = () => Promise.reject(new RequestTooLarge("too large"));
const record = taskRecord({ status: "running", attempt: 1, startedAt: NOW });
const ended = taskRecord({ status: "failed", attempt: 1, endedAt: NOW, resultExpiresAt: NOW + 60_000 });
const config = { kind: "found", config: { version: 1, json: "{}" }, now: NOW } as const;
const path = `/v1/tasks/${record.id}`;
const knowing = (found: typeof record): Partial<Store> => ({
  readTask: () => Promise.resolve({ kind: "found", now: NOW, record: found, deliveries: [] }),
  readConfig: () => Promise.resolve(config),
});
const admin = { authorization: `Bearer ${ADMIN_TOKEN}` };
const bearer = async () => ({
  authorization: `Bearer ${await taskToken({ task: record.id, run: 1, attempt: 1, expiresAt: NOW + 60_000 })}`,
});

interface Write {
  readonly store: Partial<Store>;
  readonly method: string;
  readonly path: string;
  readonly headers?: () => Promise<Record<string, string>>;
  readonly body?: unknown;
}

/** For each script that writes what a client sends, a request that reaches it. */
const writes: Readonly<Record<string, Write>> = {
  accept: { store: {}, method: "POST", path: "/v1/tasks", body: { type: "test.echo", input: 1 } },
  configure: { store: knowing(record), method: "POST", path: "/v1/signing-secret/rotate", body: {} },
  end: { store: knowing(record), method: "POST", path: `${path}/cancel` },
  replay: { store: knowing(ended), method: "POST", path: `${path}/replay` },
  report: {
    store: knowing(record),
    method: "POST",
    path: `${path}/progress`,
    headers: bearer,
    body: { percent: 5, message: "x" },
  },
  limitProject: {
    store: { findProject: () => Promise.resolve({ id: record.project, name: "shop" }) },
    method: "PATCH",
    path: `/admin/projects/${record.project}`,
    headers: () => Promise.resolve(admin),
    body: { searchable: ["orderId"] },
  },
};

describe("a write that is too large for Redis is 413, and not worth repeating", () => {
  test.each(Object.entries(writes))("%s", async (script, { store, method, path: to, headers, body }) => {
    const gateway = await open({ store: { ...store, [script]: tooLarge } });
    const answer = await gateway.send(method, to, {
      headers: { "content-type": "application/json", ...(await headers?.()) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    expect([answer.status, await answer.json()]).toMatchObject([413, { code: "payload-too-large" }]);
    expect(answer.headers.get("retry-after")).toBeNull();
  });
});

test("a result that its task token brings, and that is too large for Redis, ends the task as result-too-large", async () => {
  const written: unknown[] = [];
  const end: Store["end"] = (command) => {
    if ("result" in command.outcome && command.outcome.result !== undefined) return tooLarge();
    written.push(command.outcome);
    return Promise.resolve({ kind: "ended", now: NOW, sequence: 2, nextAt: NOW, held: new Map() });
  };
  const gateway = await open({ store: { ...knowing(record), end } });
  const answer = await gateway.send("POST", `${path}/complete`, {
    headers: { "content-type": "application/json", ...(await bearer()) },
    body: JSON.stringify({ result: "x" }),
  });
  expect([answer.status, await answer.json()]).toMatchObject([200, { status: "failed" }]);
  expect(written).toMatchObject([{ kind: "failed", error: { code: "result-too-large", retryable: false } }]);
});
