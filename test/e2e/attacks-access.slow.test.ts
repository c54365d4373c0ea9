import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, inject } from "vitest";
import { routesOf } from "../../src/http/routes/index.ts";
import { type Key, makeKey } from "../fuzz/api.ts";
import { type Bystander, makeBystander } from "../fuzz/bystander.ts";
import { listen } from "../fuzz/receiver.ts";
import { Client } from "../support/client.ts";
import { needsOf, SCOPE_ADMIN } from "../support/decisions.ts";
import { everyOperation, type Things, type Wanted } from "../support/every-operation.ts";
import { test } from "../support/fixture.ts";
import { sign } from "../support/qstash-signature.ts";

const routes = routesOf();
const rows = routes.map((route) => ({ operation: route.operation, needs: needsOf(route) }));
const SCOPES = [...new Set(rows.map(({ needs }) => needs))].filter(
  (needs) => needs.includes(":") && needs !== SCOPE_ADMIN,
);

const { gateway, backing } = inject("stack");
const admin = { url: gateway.url, adminToken: gateway.adminToken };
const unknownProject = "prj_01kawtzq4je0a8yqh3n5v6w7x8";
let receiverUrl = "";
let victim: Bystander;
let cookie = "";
let wanted: Readonly<Record<string, Wanted>>;

/** Sends what fits, with this proof. */
function call(operation: string, headers: Readonly<Record<string, string>>, of = wanted) {
  const { method, path, body, headers: own } = of[operation] ?? { method: "GET", path: "/" };
  return new Client(gateway).send(method, path, {
    headers: { ...own, ...headers },
    ...(body !== undefined && { body }),
  });
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

function thingsOf({ ids, key }: Bystander, url: string): Things {
  return {
    task: ids.task[0] ?? "",
    delivery: ids.del[0] ?? "",
    endpoint: ids.ep[0] ?? "",
    key: key.id,
    project: key.project.id,
    taskToken: `rbt_${"A".repeat(107)}`,
    url,
  };
}

beforeAll(async () => {
  const receiver = await listen(() => undefined);
  receiverUrl = receiver.url;
  victim = await makeBystander(admin, receiverUrl, backing.redisServer);
  wanted = everyOperation(thingsOf(victim, receiverUrl));
  const session = await new Client(gateway).send("POST", "/console/session", {
    body: { token: gateway.adminToken },
  });
  cookie = session.headers.get("set-cookie")?.split(";")[0] ?? "";
  return receiver.stop;
});

describe("a route lets nobody in without what it needs, and nothing happens", () => {
  const closed = rows.filter(({ needs }) => needs !== "open");
  test.for(closed)("$operation ($needs)", async ({ operation, needs }) => {
    const project = victim.key.project.id;
    const others = SCOPES.filter((scope) => scope !== needs);
    const isScope = needs.includes(":");
    const opensToAdmin = needs === "admin" || needs === "metrics";
    const [lacking, revoked, expired] = await Promise.all([
      makeKey(admin, project, others),
      makeKey(admin, project),
      new Client(gateway).send("POST", "/admin/keys", {
        headers: bearer(gateway.adminToken),
        body: { project, expiresIn: "1ms" },
      }),
    ]);
    await new Client(gateway).send("DELETE", `/admin/keys/${revoked.id}`, {
      headers: bearer(gateway.adminToken),
    });
    await sleep(5);
    const before = await victim.snapshot();
    const { key } = victim.key;
    const refused: Readonly<Record<string, Readonly<Record<string, string>>>> = {
      nothing: {},
      "an empty key": bearer(""),
      "a guessed key": bearer(`rb_${"A".repeat(91)}`),
      "a key with another secret": bearer(changedAt(key, 70)),
      "a key of another project's id": bearer(changedAt(key, 12)),
      "a key with another MAC": bearer(changedAt(key, key.length - 3)),
      "a revoked key": bearer(revoked.key),
      "an expired key": bearer((expired.json() as Key).key),
      "the key as a user name": { authorization: `Basic ${btoa(`${key}:`)}` },
      "the key in another header": { "x-api-key": key },
      "the key in a cookie": { cookie: `authorization=Bearer ${key}` },
      "the admin's session without its header": { cookie },
      ...(isScope || opensToAdmin ? {} : { "the admin token": bearer(gateway.adminToken) }),
      ...(isScope ? {} : { "a key that may everything": bearer(key) }),
      "a task's token": bearer(`rbt_${"A".repeat(107)}`),
      "the queue's signature with another key": {
        "upstash-signature": await sign({ key: "sig_guessed", subject: gateway.url, body: "" }),
      },
      "the queue's token": bearer(backing.qstash.token),
      "the database's token": bearer(backing.redis.token),
    };
    // All are tried, so that a failure names every proof that got through, and the status that it got.
    const statuses: Record<string, number> = {};
    for (const [proof, headers] of Object.entries(refused)) {
      statuses[proof] = (await call(operation, headers)).status;
    }
    expect(statuses, operation).toEqual(
      Object.fromEntries(Object.keys(refused).map((proof) => [proof, 401])),
    );
    if (isScope) {
      const reply = await call(operation, bearer(lacking.key));
      expect(reply.status, `${operation} with a key that lacks ${needs}`).toBe(403);
      expect(reply.problem()).toMatchObject({ status: 403, code: "forbidden" });
      expect(reply.headers.get("www-authenticate")).toContain(`scope="${needs.replace(/^scope:/, "")}"`);
    }
    if (isScope) {
      const elsewhere = { ...bearer(gateway.adminToken), "ringback-project": unknownProject };
      const reply = await call(operation, elsewhere);
      expect(reply.status, `${operation} by the admin in no project: ${reply.text}`).toBe(404);
    }
    expect(withoutKeys(await victim.snapshot())).toEqual(withoutKeys(before));
  });
});

describe("a key with nothing but the scope that a route needs is let in", () => {
  test.for(SCOPES)("%s", async (scope) => {
    const own = await makeBystander(admin, receiverUrl, undefined);
    const { key } = await makeKey(admin, own.key.project.id, [scope]);
    const requests = everyOperation(thingsOf(own, receiverUrl));
    const allowed = rows.filter(({ needs }) => needs === scope);
    expect(allowed.length).toBeGreaterThan(0);
    for (const { operation } of allowed) {
      const { status, text } = await call(operation, bearer(key), requests);
      expect([401, 403], `${operation}: ${text}`).not.toContain(status);
    }
  });
});

/** Another character at that place. */
function changedAt(text: string, at: number): string {
  return `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;
}

/** These tests make keys in the project and revoke them themselves. */
function withoutKeys(snapshot: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(snapshot).filter(([name]) => !/^\/admin\/keys$|:proj$|:revoked:/.test(name)),
  );
}
