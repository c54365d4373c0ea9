import { describe, expect } from "vitest";
import * as z from "zod";
import { type Client, newProject } from "../support/client.ts";
import { test } from "../support/fixture.ts";
import { verified } from "../support/receiver.ts";

const outcome = z.strictObject({
  matched: z.int(),
  changed: z.int(),
  nextCursor: z.nullable(z.string()),
});

const later = { type: "diagnostics.echo", input: 1, delay: "1h" };
const failing = { type: "diagnostics.flaky", input: { failures: 9 }, retries: 0 };

async function bulk(client: Client, what: "cancel" | "replay", body: unknown, headers = {}) {
  const reply = await client.send("POST", `/v1/tasks/${what}`, { body, headers });
  if (reply.status !== 200) throw new Error(`${reply.status}: ${reply.text}`);
  return outcome.parse(reply.json());
}

describe("POST /v1/tasks/cancel", () => {
  test("counts in a dry run, cancels what fits and has not ended, and tells each callback", async ({
    stack,
    receiver,
  }) => {
    const client = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    const inbox = receiver.open();
    const [first, second] = [
      await client.submit({ ...later, callbackUrl: inbox.url }),
      await client.submit({ ...later, callbackUrl: inbox.url }),
    ];
    const other = await client.submit({ type: "diagnostics.wait", input: {}, delay: "1h" });
    const ended = await client.submit({ type: "diagnostics.echo", input: 1 });
    await client.ended(ended.id);
    const filter = { type: "diagnostics.echo" };
    expect(await bulk(client, "cancel", { ...filter, dryRun: true })).toEqual({
      matched: 2,
      changed: 0,
      nextCursor: null,
    });
    expect((await client.task(first.id)).status).toBe("scheduled");
    expect(await bulk(client, "cancel", filter)).toEqual({ matched: 2, changed: 2, nextCursor: null });
    for (const { id } of [first, second]) {
      expect((await client.task(id)).status).toBe("canceled");
      expect((await client.timeline(id)).at(-1)).toMatchObject({
        type: "task.canceled",
        actor: expect.stringMatching(/^key_/),
        cause: "bulk",
      });
    }
    expect((await client.task(other.id)).status).toBe("scheduled");
    expect((await client.task(ended.id)).status).toBe("succeeded");
    const secret = await client.signingSecret();
    const events = (await inbox.wait(2)).map((received) => verified(received, secret));
    expect(events.map(({ type }) => type)).toEqual(["task.canceled", "task.canceled"]);
    expect(await bulk(client, "cancel", filter)).toEqual({ matched: 0, changed: 0, nextCursor: null });
    expect(await bulk(client, "cancel", { all: true })).toMatchObject({ matched: 1, changed: 1 });
  });

  test("goes page by page: a page that is repeated with its cursor changes nothing twice", async ({
    stack,
  }) => {
    const client = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    for (let batch = 0; batch < 2; batch++) {
      const tasks = Array.from({ length: 60 }, () => later);
      expect((await client.send("POST", "/v1/tasks/batch", { body: { tasks } })).status).toBe(202);
    }
    const first = await bulk(client, "cancel", { type: later.type });
    expect(first).toMatchObject({ matched: 100, changed: 100 });
    const late = await client.submit(later);
    const next = { type: later.type, cursor: first.nextCursor };
    expect(await bulk(client, "cancel", next)).toEqual({ matched: 20, changed: 20, nextCursor: null });
    expect(await bulk(client, "cancel", next)).toEqual({ matched: 0, changed: 0, nextCursor: null });
    // It came after the first page.
    expect((await client.task(late.id)).status).toBe("scheduled");
  });

  test("refuses a request that names no tasks, an unknown field, a foreign cursor, and a key without the scope", async ({
    client,
    stack,
  }) => {
    for (const body of [
      {},
      { dryRun: true },
      { all: false },
      { all: "yes" },
      { statuses: ["failed"] },
      { status: "gone" },
    ]) {
      for (const what of ["cancel", "replay"]) {
        const reply = await client.send("POST", `/v1/tasks/${what}`, { body });
        expect(reply.problem(), JSON.stringify(body)).toMatchObject({ status: 422, code: "invalid-request" });
      }
    }
    const foreign = await client.send("POST", "/v1/tasks/cancel", { body: { all: true, cursor: "x" } });
    expect(foreign.problem().code).toBe("malformed-parameter");
    const reader = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`, ["tasks:read"]);
    const refused = await reader.send("POST", "/v1/tasks/replay", { body: { all: true } });
    expect(refused.problem().code).toBe("forbidden");
    const writer = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`, ["tasks:write"]);
    expect(await bulk(writer, "cancel", { all: true })).toEqual({ matched: 0, changed: 0, nextCursor: null });
  });
});

describe("POST /v1/tasks/replay", () => {
  test("runs what has ended again, once per idempotency key", async ({ stack }) => {
    const client = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    const failed = [await client.submit(failing), await client.submit(failing)];
    const open = await client.submit(later);
    for (const { id } of failed) await client.ended(id);
    const filter = { status: "failed" };
    expect(await bulk(client, "replay", { ...filter, dryRun: true })).toMatchObject({
      matched: 2,
      changed: 0,
    });
    const key = { "idempotency-key": "replay-them" };
    expect(await bulk(client, "replay", filter, key)).toMatchObject({ matched: 2, changed: 2 });
    for (const { id } of failed) expect(await client.ended(id)).toMatchObject({ run: 2, status: "failed" });
    expect(await bulk(client, "replay", filter, key)).toMatchObject({ changed: 0 });
    for (const { id } of failed) expect((await client.task(id)).run).toBe(2);
    expect((await client.task(open.id)).run).toBe(1);
  });
});
