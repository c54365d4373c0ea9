import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { KINDS } from "../local/redis-stand-in.ts";
import { Client } from "../support/client.ts";
import { differences, openStored, type Stored } from "./stored.ts";

/* What an earlier version has stored, read by this one. To hold it to more, ask more in test/fixtures/answers.ts. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const recovery = z.looseObject({ count: z.int(), recovered: z.int() });

describe.each(KINDS)("what the first version has stored, on the %s engine", (kind) => {
  let stored: Stored;
  beforeAll(async () => {
    stored = await openStored(kind);
  });
  afterAll(() => stored?.stop());

  test("is read as it was: every question has the answer of then", async () => {
    const { deployment, snapshot, clients } = stored;
    const differing: string[] = [];
    for (const then of snapshot.answers) differing.push(...(await differences(deployment, clients, then)));
    expect(differing).toEqual([]);
  }, 300_000);

  test("lets each API key do what it might, and no other one", async () => {
    const { deployment, named } = stored;
    const status = async (key: string) => {
      const reply = await new Client(deployment.gateway, named("keys", key)).send("GET", "/v1/tasks?limit=1");
      return reply.status;
    };
    const statuses: Record<string, number> = {};
    for (const key of Object.keys(stored.snapshot.names["keys"] ?? {})) statuses[key] = await status(key);
    expect(statuses).toEqual({
      admin: 200,
      reader: 200,
      secrets: 403,
      service: 200,
      expired: 401,
      expiring: 200,
      revoked: 401,
      sealed: 200,
      elder: 200, // made under a master secret that is configured no more: rotating it revokes no key
      "made once": 200,
      "revoked just now": 401,
    });
  });

  test("answers what is sent once more as it did the first time", async () => {
    const { deployment, shop, named } = stored;
    const body = {
      type: "diagnostics.echo",
      input: { amount: 7 },
      metadata: { orderId: "o-2" },
    };
    const headers = { "idempotency-key": "k-1" };
    const again = await shop.send("POST", "/v1/tasks", { body, headers });
    expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([202, "true"]);
    expect(again.json()).toMatchObject({ id: named("tasks", "idempotent"), status: "succeeded" });
    const other = await shop.send("POST", "/v1/tasks", { body: { ...body, input: 8 }, headers });
    expect(other.problem().code).toBe("idempotency-key-reused");
    const erased = { type: "diagnostics.echo", input: "erased" };
    const key = { "idempotency-key": "k-erased" };
    const refused = await shop.send("POST", "/v1/tasks", { body: erased, headers: key });
    expect(refused.status).toBeGreaterThanOrEqual(400);
    const made = await shop.send("POST", "/admin/keys", {
      body: { project: "shop", name: "made once" },
      headers: { authorization: `Bearer ${deployment.adminToken}`, "idempotency-key": "one-key" },
    });
    expect(made.json()).toMatchObject({ key: named("keys", "made once") });
  });

  test("opens what is sealed: secrets of both master secrets, payloads, header values", async () => {
    const { shop, clients, named, heard } = stored;
    expect(await shop.signingSecret()).toBe(named("secrets", "shop"));
    const lost = await clients["elder"]?.send("GET", "/v1/signing-secret");
    expect(lost?.status).toBeGreaterThanOrEqual(400); // its master secret is not configured here
    const tested = await shop.send("POST", `/v1/endpoints/${named("endpoints", "steady")}/test`);
    expect(tested.json()).toMatchObject({ delivered: true });
    const { headers, body } =
      heard.receiver.elsewhere.find(({ body }) => body.includes("endpoint.test")) ?? {};
    expect(headers).toMatchObject({ "x-shop": "4711", authorization: "Bearer s3cret" });
    const [id = "", timestamp] = [headers?.["webhook-id"], Number(headers?.["webhook-timestamp"])];
    const signature = new Webhook(named("secrets", "steady")).sign(
      id,
      new Date(timestamp * 1_000),
      body ?? "",
    );
    expect(headers?.["webhook-signature"]).toBe(signature);
    const encrypted = named("tasks", "sealed, succeeded");
    expect((await clients["sealed"]?.send("GET", `/v1/tasks/${encrypted}/result`))?.json()).toEqual({
      secret: "tea",
    });
  });

  test("is replayed, erased, canceled and sent again as ever", async () => {
    const { deployment, shop, named } = stored;
    const task = (name: string) => `/v1/tasks/${named("tasks", name)}`;
    const replayed = await shop.send("POST", `${task("failed on day 1")}/replay`);
    expect(replayed.json()).toMatchObject({ run: 2 });
    expect((await shop.send("DELETE", task("succeeded with a large result"))).status).toBe(204);
    expect((await shop.send("GET", task("succeeded with a large result"))).status).toBe(404);
    for (const name of ["scheduled", "waiting", "polled", "running"]) {
      expect((await shop.send("POST", `${task(name)}/cancel`)).json()).toMatchObject({ status: "canceled" });
    }
    const dead = named("deliveries", "dead");
    expect((await shop.send("POST", `/v1/deliveries/${dead}/redeliver`)).status).toBe(202);
    await deployment.settle();
    expect(await shop.delivery(dead)).toMatchObject({ status: "delivered" });
  });

  test("recovers every dead letter of every day", async () => {
    const { deployment, shop, snapshot, named } = stored;
    for (const name of ["unverified", "disabled", "failing"]) {
      const endpoint = `/v1/endpoints/${named("endpoints", name)}`;
      await shop.send("POST", `${endpoint}/verify`);
      await shop.send("PATCH", endpoint, { body: { disabled: false } });
      const dry = snapshot.answers.find(({ path }) => path === `${endpoint}/recover`);
      const since = new Date(snapshot.now - 10 * DAY).toISOString();
      const reply = await shop.send("POST", `${endpoint}/recover`, { body: { since, pace: 100 } });
      expect(reply.status).toBe(202);
      const { count, recovered } = recovery.parse(reply.json());
      // A task that was replayed above died there once more; one that was erased took its letter along.
      expect(Math.abs(count - recovery.parse(dry?.json).count)).toBeLessThanOrEqual(3);
      expect(recovered).toBe(count);
    }
    await deployment.pass(5 * MINUTE);
    for (const name of ["unverified", "disabled"]) {
      const path = `/v1/deliveries?endpointId=${named("endpoints", name)}&status=dead&limit=100`;
      expect((await shop.send("GET", path)).json()).toMatchObject({ data: [] });
    }
  }, 300_000);

  test("is gone on with: nothing that was under way is left, and every receiver is told", async () => {
    const { deployment, shop, named, upstream } = stored;
    upstream.open(
      [{ body: "1", headers: { "content-type": "application/json" } }],
      "",
      named("places", "called"),
    );
    const complete = {
      body: { result: "brought" },
      headers: { authorization: `Bearer ${named("tokens", "handed to a service")}` },
    };
    const id = named("tasks", "handed to a service");
    expect((await shop.send("POST", `/v1/tasks/${id}/complete`, complete)).status).toBe(200);
    await deployment.pass(20 * MINUTE);
    await deployment.pass(4 * HOUR, { every: 30 * MINUTE });
    const left = await deployment.command("ZRANGE", "rb1:000:due", "0", "-1");
    const ahead = named("tasks", "a year ahead");
    expect(Array.isArray(left) && left.map(String)).toEqual([`t|${named("projects", "shop")}|${ahead}`]);
    const ends = Object.fromEntries(
      await Promise.all(
        ["retrying", "in a line", "called", "running in a limited type", "handed to a service"].map(
          async (name) => [name, (await shop.task(named("tasks", name))).status],
        ),
      ),
    );
    expect(ends).toEqual({
      retrying: "succeeded",
      "in a line": "succeeded",
      called: "succeeded",
      "running in a limited type": "succeeded", // its lease has lapsed: another handler took it over
      "handed to a service": "succeeded",
    });
    for (const name of ["told later", "told in an hour", "held back", "being told"]) {
      expect((await shop.task(named("tasks", name))).callback).toMatchObject({ status: "delivered" });
    }
  }, 240_000);
});
