import { describe, expect } from "vitest";
import * as z from "zod";
import { Client, newProject } from "../support/client.ts";
import { test } from "../support/fixture.ts";

const echo = { type: "diagnostics.echo", input: 1 };

describe("/admin/keys", () => {
  test("needs the admin token", async ({ client, stack }) => {
    for (const authorization of [
      "",
      client.authorization,
      "Bearer wrong",
      `Bearer ${stack.gateway.adminToken}x`,
    ]) {
      const reply = await new Client(stack.gateway).send("POST", "/admin/keys", {
        body: { project: "p" },
        headers: authorization ? { authorization } : {},
      });
      expect(reply.problem().status, authorization).toBe(401);
    }
  });

  test("keys of one project see the same tasks, and a revoked one none", async ({ stack }) => {
    const name = `e2e-${crypto.randomUUID()}`;
    const [one, two] = await Promise.all([newProject(stack.gateway, name), newProject(stack.gateway, name)]);
    const { id } = await one.submit(echo);
    expect((await two.task(id)).id).toBe(id);
    const admin = { authorization: `Bearer ${stack.gateway.adminToken}` };
    const listed = await new Client(stack.gateway).send("GET", `/admin/keys?project=${name}`, {
      headers: admin,
    });
    expect(listed.status).toBe(200);
    const keys = z
      .object({ data: z.array(z.looseObject({ id: z.string().startsWith("key_") })) })
      .parse(listed.json());
    expect(keys.data).toHaveLength(2);
    const secret = one.authorization.slice("Bearer rb_".length);
    expect(listed.text).not.toContain(secret.slice(-40));
    for (const key of keys.data) {
      const path = `/admin/keys/${key.id}`;
      expect((await new Client(stack.gateway).send("DELETE", path, { headers: admin })).status).toBe(204);
    }
    for (const revoked of [one, two]) {
      expect((await revoked.send("GET", `/v1/tasks/${id}`)).problem().code).toBe("unauthenticated");
      expect((await revoked.send("POST", "/v1/tasks", { body: echo })).problem().code).toBe(
        "unauthenticated",
      );
    }
  });

  test("an unknown scope is refused", async ({ stack }) => {
    const reply = await new Client(stack.gateway).send("POST", "/admin/keys", {
      body: { project: "p", scopes: ["tasks:everything"] },
      headers: { authorization: `Bearer ${stack.gateway.adminToken}` },
    });
    expect(reply.problem()).toMatchObject({ status: 422, code: "invalid-request" });
  });
});

describe("signing secrets", () => {
  test("one per project, the same each time, never cached", async ({ client, stack, secret }) => {
    const other = await newProject(stack.gateway, `e2e-${crypto.randomUUID()}`);
    expect(await client.signingSecret()).toBe(secret);
    expect(await other.signingSecret()).not.toBe(secret);
    expect(Buffer.from(secret.slice("whsec_".length), "base64").length).toBeGreaterThanOrEqual(24);
    const reply = await client.send("GET", "/v1/signing-secret");
    expect(reply.headers.get("cache-control")).toContain("no-store");
  });
});

describe("what anybody may ask", () => {
  test("healthz and readyz", async ({ stack }) => {
    const anybody = new Client(stack.gateway);
    expect((await anybody.send("GET", "/healthz")).status).toBe(200);
    const ready = await anybody.send("GET", "/readyz");
    expect(ready.status, ready.text).toBe(200);
  });

  test("every answer carries a request id, its own each time", async ({ stack }) => {
    const anybody = new Client(stack.gateway);
    const ids = await Promise.all(
      ["/healthz", "/v1/tasks", "/nothing", "/openapi.json"].map(async (path) =>
        (await anybody.send("GET", path)).headers.get("x-request-id"),
      ),
    );
    expect(ids.every(Boolean)).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
