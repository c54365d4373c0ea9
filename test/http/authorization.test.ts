import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { type Route, route } from "../../src/http/pipeline/route.ts";
import { routesOf } from "../../src/http/routes/index.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Principal } from "../../src/projects/principal.ts";
import { httpRequestTask } from "../../src/services/http-request.ts";
import type { Service } from "../../src/services/service.ts";
import { echo } from "../../src/task-types/diagnostics-echo.ts";
import { decisionOn, needsOf } from "../support/decisions.ts";
import { everyOperation } from "../support/every-operation.ts";
import { NOW, open, taskRecord } from "./gateway.ts";

const shop: Service = {
  name: "shop",
  baseUrl: "https://shop.example",
  methods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
  paths: ["/"],
  headers: {},
  requestHeaders: [],
  responseHeaders: [],
  timeout: 10_000,
  retries: 0,
  completion: "none",
  poll: { interval: 1_000, pending: [] },
  responseLimit: 1_000,
};

const proxied = httpRequestTask(new Map([[shop.name, shop]]));

const requests = everyOperation({
  task: taskRecord().id,
  delivery: "del_01kawv0m1ne0nvxf9dkb2jc5h0",
  endpoint: "ep_01kawv0m1ne0nvxf9dkb2jc5h0",
  key: "key_01kawv0m1ne0nvxf9dkb2jc5h0",
  project: "prj_01kawtzq4je0a8yqh3n5v6w7x8",
  taskToken: "rbt_unused",
  url: "https://receiver.example/hooks",
});

const forbidden = { kind: "forbidden" } as const;
const missing = { kind: "missing", now: NOW } as const;
const nothing = { kind: "found", now: NOW, records: [] } as const;
const refuse = () => Promise.resolve(forbidden);

function unlessKey<Found>({ kind }: Principal, found: Found): Promise<typeof forbidden | Found> {
  return Promise.resolve(kind === "api-key" ? forbidden : found);
}

/** Forbids everything to API keys. The gateway itself finds nothing. Every other script fails. */
const forbids: Partial<Store> = {
  authorize: refuse,
  accept: refuse,
  acceptAll: (commands) => Promise.resolve(commands.map(() => forbidden)),
  watch: (caller) => unlessKey(caller, missing),
  readTask: (caller) => unlessKey(caller, missing),
  readTasks: (caller) => unlessKey(caller, nothing),
  listTasks: refuse,
  readDeliveries: (caller) => unlessKey(caller, nothing),
  readConfig: (caller) => unlessKey(caller, missing),
  configure: ({ caller }) => unlessKey(caller, missing),
  redeliver: refuse,
  listDeadLetters: refuse,
  replay: refuse,
  deleteTask: refuse,
  readBatch: refuse,
};

const scoped = routesOf()
  .filter((one) => one.scope !== undefined)
  .map(({ operation, scope = "admin" }) => ({ operation, scope: scope.replace("{service}", shop.name) }));

describe("a key without the scope that a route needs is refused with 403", () => {
  test.for(scoped)("$operation ($scope)", async ({ operation, scope }) => {
    const request = requests[operation];
    if (!request) throw new Error(`test/support/every-operation.ts has no request for ${operation}.`);
    const gateway = await open({ store: forbids, services: [shop], tasks: [echo, proxied] });
    const reply = await gateway.send(request.method, request.path, {
      headers: { "content-type": "application/json", ...request.headers },
      ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
    });
    const proof = `a key without ${scope}`;
    expect({ proof, operation, status: reply.status }).toEqual({ proof, operation, status: 403 });
    expect(reply.headers.get("www-authenticate")).toContain(`scope="${scope}"`);
  });
});

const list: Route = route({
  method: "GET",
  path: "/v1/things/:service",
  operation: "listThings",
  summary: "List what the deployment offers",
  tag: "Services",
  access: "key-or-link",
  scope: "service:{service}",
  description: "It asks Redis for nothing.",
  params: { service: { description: "The service's name.", example: "shop" } },
  query: z.object({ token: z.optional(z.string()) }),
  answers: { 200: { description: "The list.", body: z.object({ data: z.array(z.string()) }) } },
  handle: ({ reply }) => reply(200, { data: [] }),
});

describe("a route lets in whom its address says, or is named as an exception", () => {
  test.for(routesOf())("$method $path", (one) => {
    const name = `${one.operation}, ${one.method} ${one.path}`;
    expect({ name, needs: needsOf(one) }).toEqual({ name, needs: decisionOn(one) });
  });

  test("an open route that is not named is found", () => {
    const opened = { ...list, access: "open" } as const;
    expect(needsOf(opened)).not.toBe(decisionOn(opened));
    expect(decisionOn({ ...opened, path: "/things" })).toContain("EXCEPTIONS");
  });
});

describe("a route that runs no script", () => {
  test("does not compile without a scope", () => {
    // @ts-expect-error a route that admits API keys names a scope
    const unscoped = route({
      method: "GET",
      path: "/v1/things",
      operation: "listThings",
      summary: "List what the deployment offers",
      description: "It asks Redis for nothing.",
      tag: "Services",
      access: "key",
      answers: { 200: { description: "The list.", body: z.object({ data: z.array(z.string()) }) } },
      handle: ({ reply }) => reply(200, { data: [] }),
    });
    expect(unscoped.scope).toBeUndefined();
  });

  test("is not reached by a key without its scope", async () => {
    const asked: unknown[] = [];
    const store: Partial<Store> = {
      authorize: (_caller, scope) => {
        asked.push(scope);
        return Promise.resolve({ kind: "forbidden" });
      },
    };
    const reply = await (await open({ store, routes: [list] })).send("GET", "/v1/things/shop");
    expect(reply.status).toBe(403);
    expect(asked).toEqual(["service:shop"]);
  });

  test("is not reached by a key that was revoked", async () => {
    const store: Partial<Store> = { authorize: () => Promise.resolve({ kind: "unauthenticated" }) };
    expect((await (await open({ store, routes: [list] })).send("GET", "/v1/things/shop")).status).toBe(401);
  });

  test("answers a key with the scope", async () => {
    const store: Partial<Store> = { authorize: () => Promise.resolve({ kind: "allowed" }) };
    expect((await (await open({ store, routes: [list] })).send("GET", "/v1/things/shop")).status).toBe(200);
  });
});
