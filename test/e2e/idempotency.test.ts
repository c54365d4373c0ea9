import { describe, expect, inject } from "vitest";
import * as z from "zod";
import { Client, newProject } from "../support/client.ts";
import { task as taskShape } from "../support/contract.ts";
import { test } from "../support/fixture.ts";

const madeKey = z.looseObject({
  id: z.string(),
  key: z.string().startsWith("rb_"),
  project: z.object({ id: z.string() }),
});
const keyPage = z.object({ data: z.array(z.looseObject({ id: z.string() })) });
const admin = () => ({ authorization: `Bearer ${inject("stack").gateway.adminToken}` });
const flaky = (failures: number) => ({ type: "diagnostics.flaky", input: { failures }, retries: 0 });

describe("POST /v1/tasks with one Idempotency-Key", () => {
  test("fifty at once make exactly one task, and fifty answers that all name it", async ({
    stack,
    receiver,
  }) => {
    const client = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    const inbox = receiver.open();
    const body = { type: "diagnostics.echo", input: { n: 1 }, callbackUrl: inbox.url };
    const key = crypto.randomUUID();
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        client.send("POST", "/v1/tasks", {
          body,
          headers: { "idempotency-key": n % 2 === 0 ? key : `"${key}"` },
        }),
      ),
    );
    const tasks = replies.map((reply) => taskShape.parse(reply.json()));
    const [first] = tasks;
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(tasks.map(({ id }) => id)).size).toBe(1);
    expect(new Set(replies.map(({ headers }) => headers.get("location")))).toEqual(
      new Set([`${client.url}/v1/tasks/${first?.id}`]),
    );
    const replayed = replies.filter(({ headers }) => headers.get("idempotent-replayed") === "true");
    expect(replayed).toHaveLength(49);
    await client.settled(first?.id ?? "");
    expect(inbox.received).toHaveLength(1);
    const { data } = z
      .object({ data: z.array(taskShape) })
      .parse((await client.send("GET", "/v1/tasks")).json());
    expect(data.map(({ id }) => id)).toEqual([first?.id]);
    expect(await client.timeline(first?.id ?? "")).toHaveLength(3);
  });

  test("Prefer: wait waits for the first one's end", async ({ client }) => {
    const body = { type: "diagnostics.flaky", input: { failures: 0, sleepMs: 800 } };
    const headers = { "idempotency-key": crypto.randomUUID() };
    const { id } = await client.submit(body, headers);
    const again = await client.send("POST", "/v1/tasks", {
      body,
      headers: { ...headers, prefer: "wait=10" },
    });
    expect(again.status).toBe(200);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(taskShape.parse(again.json())).toMatchObject({ id, status: "succeeded" });
  });

  test("what was refused holds no key: mended, it is accepted under the same one", async ({ client }) => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    for (const body of [{ type: "diagnostics.echo" }, { type: "no.such", input: 1 }, "{"]) {
      expect((await client.send("POST", "/v1/tasks", { body, headers })).status).toBeGreaterThanOrEqual(400);
    }
    await client.submit({ type: "diagnostics.echo", input: 1 }, headers);
  });

  test("is the project's own", async ({ stack }) => {
    const headers = { "idempotency-key": "shared" };
    const [one, two] = await Promise.all([
      newProject(stack.gateway, `e2e-${crypto.randomUUID()}`),
      newProject(stack.gateway, `e2e-${crypto.randomUUID()}`),
    ]);
    const first = await one.submit({ type: "diagnostics.echo", input: 1 }, headers);
    const second = await two.submit({ type: "diagnostics.echo", input: 2 }, headers);
    expect(second.id).not.toBe(first.id);
  });
});

describe("other POSTs with an Idempotency-Key", () => {
  test("redeliver: sent again once", async ({ client, receiver }) => {
    const inbox = receiver.open();
    const { id } = await client.submit({ type: "diagnostics.echo", input: 1, callbackUrl: inbox.url });
    const delivery = await client.settled(id);
    const path = `/v1/deliveries/${delivery.id}/redeliver`;
    const headers = { "idempotency-key": "again" };
    const first = await client.send("POST", path, { headers });
    expect(first.status).toBe(202);
    await inbox.wait(2);
    await client.settled(id);
    const second = await client.send("POST", path, { headers });
    expect(second.status).toBe(202);
    expect(second.headers.get("idempotent-replayed")).toBe("true");
    expect(second.json()).toMatchObject({ id: delivery.id, status: "delivered" });
    await client.send("POST", path, { headers: { "idempotency-key": "once-more" } });
    expect(await inbox.wait(3)).toHaveLength(3);
  });

  test("one key on two paths is two", async ({ client }) => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const { id } = await client.submit(flaky(1), headers);
    await client.ended(id);
    const replayed = await client.send("POST", `/v1/tasks/${id}/replay`, { headers });
    expect(replayed.status).toBe(202);
    expect(replayed.headers.get("idempotent-replayed")).toBeNull();
  });

  test("POST /admin/keys: one key, whose text is shown to the repetition too", async ({ stack }) => {
    const visitor = new Client(stack.gateway);
    const body = { project: `e2e-${crypto.randomUUID()}`, scopes: ["tasks:read"], name: "first" };
    const headers = { ...admin(), "idempotency-key": "make-a-key" };
    const replies = await Promise.all(
      Array.from({ length: 5 }, () => visitor.send("POST", "/admin/keys", { headers, body })),
    );
    expect(replies.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
    const made = replies.map((reply) => madeKey.parse(reply.json()));
    expect(new Set(made.map(({ key }) => key)).size).toBe(1);
    expect(replies.filter((reply) => reply.headers.get("idempotent-replayed") === "true")).toHaveLength(4);
    const client = new Client(stack.gateway, made[0]?.key ?? "");
    expect((await client.send("GET", "/v1/tasks")).status).toBe(200);
    const listed = await visitor.send("GET", `/admin/keys?project=${made[0]?.project.id}`, {
      headers: admin(),
    });
    expect(keyPage.parse(listed.json()).data.map(({ id }) => id)).toEqual([made[0]?.id]);
    const other = await visitor.send("POST", "/admin/keys", { headers, body: { ...body, name: "second" } });
    expect(other.problem()).toMatchObject({ status: 422, code: "idempotency-key-reused" });
  });

  test("POST /admin/projects: the name is key enough", async ({ stack }) => {
    const visitor = new Client(stack.gateway);
    const body = { name: `e2e-${crypto.randomUUID()}` };
    const headers = { ...admin(), "idempotency-key": "a-project" };
    const [first, second] = [
      await visitor.send("POST", "/admin/projects", { headers, body }),
      await visitor.send("POST", "/admin/projects", { headers, body }),
    ];
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.json()).toEqual(first.json());
  });

  test.each([
    ["/v1/tasks", { type: "diagnostics.echo", input: 1 }],
    ["/v1/tasks/batch", { tasks: [{ type: "diagnostics.echo", input: 1 }] }],
    ["/v1/tasks/task_01jdn1k2m3e4f5g6h7j8k9m0n1/cancel", undefined],
    ["/v1/tasks/task_01jdn1k2m3e4f5g6h7j8k9m0n1/replay", undefined],
    ["/v1/deliveries/del_01jdn1k2m3e4f5g6h7j8k9m0n1/redeliver", undefined],
    ["/v1/signing-secret/rotate", {}],
    ["/v1/endpoints", { url: "http://127.0.0.1:9/hooks" }],
    ["/admin/projects", { name: "never-made" }],
    ["/admin/keys", { project: "never-made" }],
  ])("%s refuses a malformed one", async (path, body) => {
    const { gateway } = inject("stack");
    const client = await newProject(gateway, `e2e-${crypto.randomUUID()}`);
    for (const key of ["", "two words", '"open', "x".repeat(256), "ü"]) {
      const value = Buffer.from(key).toString("latin1");
      const headers = { "idempotency-key": value, ...(path.startsWith("/admin") && admin()) };
      const reply = await client.send("POST", path, { headers, ...(body !== undefined && { body }) });
      expect(reply.problem(), `${path} ${key}`).toMatchObject({
        status: 400,
        code: "malformed-idempotency-key",
      });
    }
  });
});
