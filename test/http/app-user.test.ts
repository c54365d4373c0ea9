import { describe, expect, test, vi } from "vitest";
import type { Authenticated } from "../../src/http/access/app-user.ts";
import type { Client } from "../../src/projects/principal.ts";
import { ADMIN_TOKEN, knowing, NOW, type Options, open, readToken, taskRecord } from "./gateway.ts";

// The users of the app that the gateway is a part of.

const record = taskRecord();
const { project } = record;
const own = { "Sec-Fetch-Site": "same-origin" };

function withUser(user: unknown, options: Options = {}) {
  const authenticate = vi.fn(async () => user as Authenticated | undefined); // also what no user may be
  const findProject = vi.fn(async (wanted: string) =>
    ["orders", project].includes(wanted) ? { id: project, name: "orders" } : undefined,
  );
  const store = { ...knowing(record), findProject, ...options.store };
  const opened = open({ ...options, authenticate, store });
  return {
    authenticate,
    findProject,
    send: async (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
      (await opened).send(method, path, {
        headers: { authorization: "", "content-type": "application/json", ...headers },
        ...(body !== undefined && { body }),
      }),
    opened,
  };
}

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const text: unknown = "as plain JavaScript may throw";
const boom = () => {
  throw text;
};

describe("everything that the app's own function throws or gives is answered", () => {
  for (const [what, thrown] of [
    ["an Error", new Error("the table is gone")],
    ["a text", "text"],
    ["null", null],
    ["undefined", undefined],
    ["a number", 5],
    ["a symbol", Symbol("s")],
    ["an object without a prototype", Object.create(null)],
    ["a revoked Proxy", revoked()],
    ["an Error that cannot be read", new Proxy(new Error("m"), { get: boom })],
    ["an Error whose message is a symbol", Object.assign(new Error("m"), { message: Symbol("m") })],
    ["an Error whose name throws", Object.assign(new Error("m"), { name: { toString: boom } })],
  ] as const) {
    test(`${what}, thrown`, async () => {
      const gateway = await open({
        authenticate: () => {
          throw thrown;
        },
      });
      const answer = await gateway.send("GET", "/v1/tasks", { headers: { authorization: "" } });
      expect([answer.status, await answer.json()]).toMatchObject([500, { code: "internal-error" }]);
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      expect(gateway.logged).toEqual([
        [
          "error",
          "request-failed",
          expect.objectContaining({ error: expect.any(String), path: "/v1/tasks" }),
        ],
      ]);
    });
  }

  for (const [what, user] of [
    ["a text", "orders"],
    ["a user without scopes", { project: "orders" }],
    ["a scope that is a symbol", { project: "orders", scopes: [Symbol("s")] }],
    ["a scope that cannot be read", { project: "orders", scopes: [revoked()] }],
    ["a name that cannot be read", { project: "orders", scopes: [], name: { toString: boom } }],
    ["a project that cannot be read", Object.defineProperty({ scopes: [] }, "project", { get: boom })],
    ["a revoked Proxy", revoked()],
  ] as const) {
    test(`${what}, given`, async () => {
      const answer = await withUser(user).send("GET", "/v1/tasks");
      expect([answer.status, await answer.json()]).toMatchObject([500, { code: "internal-error" }]);
    });
  }
});

const SUBMIT = JSON.stringify({ type: "test.echo", input: 1 });

describe("a user of the app around the gateway", () => {
  test("acts for the project that the app names, with the scopes that it gives", async () => {
    const { send, opened } = withUser({
      project: "orders",
      scopes: ["tasks:write", "secrets:read"],
      name: "Zo\u00eb",
    });
    expect((await send("POST", "/v1/tasks", own, SUBMIT)).status).toBe(202);
    expect((await opened).accepted.map(({ caller }) => caller)).toEqual([
      { kind: "app-user", project, scopes: ["tasks:write"], name: "Zo\u00eb" },
    ]);
  });

  test("is asked for once per request; the project is looked up once", async () => {
    const { send, authenticate, findProject } = withUser({ project: "orders", scopes: ["tasks:read"] });
    for (let i = 0; i < 3; i++) expect((await send("GET", `/v1/tasks/${record.id}`)).status).toBe(200);
    expect(authenticate).toHaveBeenCalledTimes(3);
    expect(findProject).toHaveBeenCalledTimes(1);
  });

  test("never has a scope of secrets, even if the app gives one", async () => {
    const asked: Client[] = [];
    const authorize = async (caller: Client) => {
      asked.push(caller);
      return { kind: "forbidden" } as const;
    };
    const { send } = withUser(
      { project: "orders", scopes: ["secrets:read", "secrets:write", "admin"] },
      { store: { authorize, readConfig: (caller) => authorize(caller as Client) } },
    );
    expect((await send("GET", "/v1/signing-secret")).status).toBe(403);
    expect(asked.length).toBeGreaterThan(0);
    for (const caller of asked) expect(caller).toMatchObject({ kind: "app-user", scopes: ["admin"] });
  });

  test.each([
    ["POST", "/v1/tasks"],
    ["POST", `/v1/tasks/${record.id}/cancel`],
    ["DELETE", `/v1/tasks/${record.id}`],
    ["PATCH", "/v1/endpoints/ep_01kawv0m1ne0nvxf9dkb2jc5h0"],
  ])("cannot be made to send %s %s by a page of another origin", async (method, path) => {
    const { send } = withUser({ project: "orders", scopes: ["admin"] });
    for (const headers of [
      {},
      { "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "same-site" },
      { "Sec-Fetch-Site": "none" },
      { "Ringback-Request": "0" },
      { Origin: "https://ringback.example.com" },
    ]) {
      const response = await send(method, path, headers, SUBMIT);
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ code: "cross-site-request" });
    }
  });

  test.each([own, { "Ringback-Request": "1" }])("may send a change with %j", async (headers) => {
    const { send } = withUser({ project: "orders", scopes: ["tasks:write"] });
    expect((await send("POST", "/v1/tasks", headers, SUBMIT)).status).toBe(202);
  });

  test("whose project does not exist is told so", async () => {
    const { send } = withUser({ project: "nobody's", scopes: ["tasks:read"] });
    const response = await send("GET", `/v1/tasks/${record.id}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "unknown-project" });
  });

  test.each([
    {},
    { project: "" },
    { project: "orders" },
    { project: "orders", scopes: "tasks:read" },
    { project: "orders", scopes: ["tasks"] },
    { project: "orders", scopes: ["tasks:read,admin"] },
    { project: "orders", scopes: [7] },
    { project: ["orders"], scopes: [] },
  ])("that is none, %j, is an error of the app, and shows nothing", async (user) => {
    const { send, opened } = withUser(user);
    const response = await send("GET", `/v1/tasks/${record.id}`);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ code: "internal-error" });
    expect(JSON.stringify((await opened).logged)).toContain("authenticate()");
  });
});

describe("the app is not asked", () => {
  const user = { project: "orders", scopes: ["admin"] };

  test("about a request with an authorization of its own, valid or not", async () => {
    const { send, authenticate } = withUser(user);
    for (const authorization of ["Bearer rb_nonsense", "Basic dXNlcjpwdw==", "x"]) {
      const response = await send("GET", `/v1/tasks/${record.id}`, { authorization });
      expect(response.status, authorization).toBe(401);
    }
    expect(authenticate).not.toHaveBeenCalled();
  });

  test("about the deployment's administration, the queue's calls, and pages for everybody", async () => {
    const { send, authenticate } = withUser(user);
    for (const [method, path, status] of [
      ["GET", "/admin/projects", 401],
      ["POST", "/admin/keys", 401],
      ["POST", "/admin/doctor", 401],
      ["GET", "/metrics", 401],
      ["POST", "/internal/run", 401],
      ["GET", "/healthz", 200],
      ["GET", "/problems", 200],
    ] as const) {
      expect((await send(method, path, own)).status, path).toBe(status);
    }
    expect(authenticate).not.toHaveBeenCalled();
  });

  test("about a signed link, which proves itself", async () => {
    const { send, authenticate } = withUser(user);
    const token = await readToken(record.id, NOW + 60_000);
    expect((await send("GET", `/v1/tasks/${record.id}/result?token=${token}`)).status).toBe(202);
    expect(authenticate).not.toHaveBeenCalled();
  });
});

test("without a user a request needs a key, as everywhere", async () => {
  const { send } = withUser(undefined);
  expect((await send("GET", `/v1/tasks/${record.id}`)).status).toBe(401);
  const admin = { authorization: `Bearer ${ADMIN_TOKEN}` };
  expect((await send("GET", `/v1/tasks/${record.id}`, admin)).status).toBe(400);
});
