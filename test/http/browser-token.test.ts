import { describe, expect, test } from "vitest";
import * as z from "zod";
import { browserToken, knowing, NOW, open, PUBLIC_URL, readToken, taskRecord } from "./gateway.ts";

const { id } = taskRecord();
const other = "task_01kawv0m1ne0nvxf9dkb2jc5h1";
const base = `/v1/tasks/${id}`;
const store = knowing(
  taskRecord({
    status: "succeeded",
    attempt: 1,
    resultExpiresAt: NOW + 60_000,
    result: { placement: "inline", json: "1" },
  }),
);
const answer = z.strictObject({
  token: z.string().startsWith("rbb_"),
  expiresAt: z.iso.datetime(),
  links: z.record(z.enum(["self", "operation", "result", "events"]), z.url()),
});

const make = async (body?: unknown) =>
  (await open({ store })).send("POST", `${base}/token`, {
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    }),
  });

describe("POST /v1/tasks/{id}/token", () => {
  test.each([
    [undefined, "2026-11-24T09:15:00.000Z"],
    [{}, "2026-11-24T09:15:00.000Z"],
    [{ expiresIn: "1s" }, "2026-11-24T09:00:01.000Z"],
    [{ expiresIn: "60m" }, "2026-11-24T10:00:00.000Z"],
    [{ expiresIn: "1h" }, "2026-11-24T10:00:00.000Z"],
  ])("%j: expires at %s", async (body, expiresAt) => {
    const made = await make(body);
    expect(made.status).toBe(201);
    expect(made.headers.get("cache-control")).toBe("no-store");
    const { token, links, ...rest } = answer.parse(await made.json());
    expect(rest).toEqual({ expiresAt });
    const self = `${PUBLIC_URL}${base}`;
    expect(links).toEqual({
      self: `${self}?token=${token}`,
      operation: `${self}/operation?token=${token}`,
      result: `${self}/result?token=${token}`,
      events: `${self}/events?token=${token}`,
    });
  });

  test.each([
    { expiresIn: "61m" },
    { expiresIn: "2h" },
    { expiresIn: "0s" },
    { expiresIn: "999ms" },
    { expiresIn: 60 },
    { expiresIn: "-1s" },
    { until: "1h" },
    null,
    [],
  ])("%j is refused", async (body) => {
    const made = await make(body);
    expect(made.status).toBe(422);
    expect(await made.json()).toMatchObject({ code: "invalid-request" });
  });

  test("is for a task that is there", async () => {
    const made = await (await open({ store })).send("POST", `/v1/tasks/${other}/token`);
    expect(made.status).toBe(404);
  });
});

describe("the token", () => {
  const paths = ["", "/operation", "/result", "/events"];
  const ask = async (path: string, token: string, as: "query" | "bearer", method = "GET") =>
    (await open({ store })).send(method, as === "query" ? `${path}?token=${token}` : path, {
      headers: { authorization: as === "bearer" ? `Bearer ${token}` : "" },
    });

  test.each(["query", "bearer"] as const)("reads its task in every form, as %s", async (as) => {
    const token = await browserToken(id, NOW + 1_000);
    for (const path of paths) expect((await ask(base + path, token, as)).status, path).toBe(200);
    const operation = await ask(`${base}/operation`, token, as);
    const search = as === "query" ? `?token=${token}` : "";
    expect(await operation.json()).toMatchObject({
      resourceLocation: `${PUBLIC_URL}${base}/result${search}`,
    });
  });

  test.each(["query", "bearer"] as const)(
    "opens no other task, and none when it is over, as %s",
    async (as) => {
      const [good, late, changed] = await Promise.all([
        browserToken(id, NOW + 1_000),
        browserToken(id, NOW),
        browserToken(id, NOW + 1_000).then((text) => `${text.slice(0, -2)}AA`),
      ]);
      for (const path of paths) {
        expect((await ask(`/v1/tasks/${other}${path}`, good, as)).status, path).toBe(401);
        expect((await ask(base + path, late, as)).status, path).toBe(401);
        expect((await ask(base + path, changed, as)).status, path).toBe(401);
      }
    },
  );

  test("changes nothing, makes no other token, and reads no list", async () => {
    const token = await browserToken(id, NOW + 1_000);
    for (const [method, path] of [
      ["POST", `${base}/token`],
      ["POST", `${base}/events-token`],
      ["POST", `${base}/cancel`],
      ["POST", `${base}/replay`],
      ["POST", `${base}/complete`],
      ["DELETE", base],
      ["GET", "/v1/tasks"],
      ["GET", `/v1/deliveries?taskId=${id}`],
      ["GET", "/v1/task-types"],
      ["GET", "/admin/projects"],
    ] as const) {
      expect((await ask(path, token, "bearer", method)).status, `${method} ${path}`).toBe(401);
      if (!path.includes("?")) expect((await ask(path, token, "query", method)).status, path).toBe(401);
    }
  });

  test("is told apart from a result's link, which opens the result alone", async () => {
    const link = await readToken(id, NOW + 1_000);
    expect((await ask(`${base}/result`, link, "query")).status).toBe(200);
    for (const path of ["", "/operation", "/events"])
      expect((await ask(base + path, link, "query")).status, path).toBe(401);
    expect((await ask(`${base}/result`, link, "bearer")).status).toBe(401);
  });
});
