import { describe, expect } from "vitest";
import * as z from "zod";
import { type Client, newProject } from "../support/client.ts";
import { test as base } from "../support/fixture.ts";
import { SERVICE } from "../support/shared-stack.ts";

const test = base.extend<{ $file: { strict: Client } }>({
  strict: [
    async ({ stack }, use) => {
      const name = `e2e-${crypto.randomUUID()}`;
      const strict = await newProject(stack.gateway, name);
      const headers = { authorization: `Bearer ${stack.gateway.adminToken}` };
      const made = await strict.send("POST", "/admin/projects", { headers, body: { name } });
      const { id } = z.object({ id: z.string() }).parse(made.json());
      const body = { requireIdempotencyKey: true };
      const set = await strict.send("PATCH", `/admin/projects/${id}`, { headers, body });
      expect(set.json()).toMatchObject(body);
      await use(strict);
    },
    { scope: "file" },
  ],
});

const echo = { type: "diagnostics.echo", input: 1 };
const batch = z.object({
  data: z.array(z.object({ status: z.int(), problem: z.optional(z.looseObject({ code: z.string() })) })),
});

describe("a project that requires Idempotency-Key", () => {
  test("refuses a submit without one, and takes it with one", async ({ strict }) => {
    const refused = await strict.send("POST", "/v1/tasks", { body: echo });
    expect(refused.problem()).toMatchObject({ status: 400, code: "idempotency-key-required" });
    const waited = await strict.send("POST", "/v1/tasks", { body: echo, headers: { prefer: "wait=5" } });
    expect(waited.problem()).toMatchObject({ status: 400, code: "idempotency-key-required" });
    const key = { "idempotency-key": crypto.randomUUID() };
    const { id } = await strict.submit(echo, key);
    expect((await strict.submit(echo, key)).id).toBe(id);
  });

  test("asks each item of a batch for one: its own, or the header's", async ({ strict }) => {
    const send = async (tasks: readonly object[], headers: Record<string, string> = {}) => {
      const reply = await strict.send("POST", "/v1/tasks/batch", { body: { tasks }, headers });
      return { status: reply.status, ...batch.parse(reply.json()) };
    };
    const mixed = await send([echo, { ...echo, idempotencyKey: crypto.randomUUID() }]);
    expect(mixed.status).toBe(202);
    expect(mixed.data.map(({ status, problem }) => [status, problem?.code])).toEqual([
      [400, "idempotency-key-required"],
      [202, undefined],
    ]);
    expect((await send([echo])).status).toBe(422);
    const keyed = await send([echo, echo], { "idempotency-key": crypto.randomUUID() });
    expect(keyed.data.map(({ status }) => status)).toEqual([202, 202]);
  });

  test("asks a proxied request for one", async ({ strict }) => {
    const call = (headers: Record<string, string>) =>
      strict.send("POST", `/v1/proxy/${SERVICE}/v1/orders`, {
        body: {},
        headers: { prefer: "respond-async", ...headers },
      });
    expect((await call({})).problem()).toMatchObject({ status: 400, code: "idempotency-key-required" });
    expect((await call({ "idempotency-key": crypto.randomUUID() })).status).toBe(202);
  });

  test("tells nothing to a key that may not submit", async ({ strict }) => {
    const headers = { authorization: `${strict.authorization.slice(0, -2)}AA` };
    const refused = await strict.send("POST", "/v1/tasks", { body: echo, headers });
    expect(refused.problem().code).toBe("unauthenticated");
  });
});
