import { beforeAll, describe, expect, inject, test } from "vitest";
import { routesOf } from "../../src/http/routes/index.ts";
import { idBytes } from "../../src/shared/id.ts";
import { type Key, makeKey } from "../fuzz/api.ts";
import { type Bystander, makeBystander } from "../fuzz/bystander.ts";
import { listen } from "../fuzz/receiver.ts";
import { Client } from "../support/client.ts";
import { everyOperation, type Wanted } from "../support/every-operation.ts";
import { Receiver } from "../support/receiver.ts";
import { handOn } from "../support/waiting.ts";

const { gateway, backing } = inject("stack");
const admin = { url: gateway.url, adminToken: gateway.adminToken };
let victim: Bystander;
let attacker: Bystander;
let client: Client;
/** Every operation, about the victim's things. */
let aboutVictim: Readonly<Record<string, Wanted>>;
let victimIds: readonly string[];

beforeAll(async () => {
  const receiver = await listen(() => undefined);
  [victim, attacker] = await Promise.all([
    makeBystander(admin, receiver.url, backing.redisServer),
    makeBystander(admin, receiver.url, undefined),
  ]);
  client = new Client(gateway, attacker.key.key);
  victimIds = Object.values(victim.ids).flat();
  aboutVictim = everyOperation({
    task: victim.ids.task[0] ?? "",
    delivery: victim.ids.del[0] ?? "",
    endpoint: victim.ids.ep[0] ?? "",
    key: victim.key.id,
    project: victim.key.project.id,
    taskToken: forgedToken(),
    url: receiver.url,
  });
  return receiver.stop;
});

/** A task token that says the right things, without the MAC that only the gateway can make. */
function forgedToken(): string {
  const generation = Buffer.from(attacker.key.key.slice("rb_".length), "base64url").subarray(0, 4);
  const numbers = Buffer.alloc(12);
  numbers.writeUInt32BE(1, 0);
  numbers.writeUInt32BE(1, 4);
  numbers.writeUInt32BE(Math.floor(Date.now() / 1_000) + 3_600, 8);
  const said = [generation, idBytes(victim.key.project.id), idBytes(victim.ids.task[0] ?? ""), numbers];
  return `rbt_${Buffer.concat([...said, Buffer.alloc(32)]).toString("base64url")}`;
}

const send = ({ method, path, body }: Wanted, as = client, headers: Record<string, string> = {}) =>
  as.send(method, path, { headers, ...(body !== undefined && { body }) });

const routes = routesOf();
const named = (access: string) =>
  routes
    .filter((route) => route.access.startsWith(access))
    .filter(({ params = {} }) => Object.values(params).some((kind) => typeof kind === "string")) // services are nobody's own
    .map(({ operation }) => operation);

describe("another project's id is not found, and nothing of it changes", () => {
  test.for([...named("key"), "listDeliveries"])("%s", async (operation) => {
    const before = await victim.snapshot();
    const wanted = aboutVictim[operation] ?? { method: "GET", path: "/" };
    for (const headers of [{}, { "idempotency-key": crypto.randomUUID() }, { prefer: "wait=1" }]) {
      const reply = await send(wanted, client, headers);
      expect(reply.problem()).toMatchObject({ status: 404, code: "not-found" });
    }
    expect(await victim.snapshot()).toEqual(before);
  });

  test("as an endpoint to filter by, it filters everything out", async () => {
    const reply = await client.send("GET", `/v1/deliveries?endpointId=${victim.ids.ep[0]}`);
    expect(reply.json()).toEqual({ data: [], nextCursor: null });
  });

  test("what no id is asked of tells of none", async () => {
    const others = routes.filter(
      ({ access, params, method }) => access === "key" && !params && method === "GET",
    );
    expect(others.map(({ operation }) => operation)).toContain("listTasks");
    for (const { operation, path } of others) {
      const { text, status } = await client.send("GET", path);
      expect(status, operation).toBe(200);
      for (const id of victimIds) expect(text, operation).not.toContain(id);
    }
  });

  test("a cursor of the victim's pages through the attacker's own", async () => {
    const theirs = new Client(gateway, victim.key.key);
    const page = (await theirs.send("GET", "/v1/tasks?limit=1")).json() as { nextCursor: string };
    for (const path of ["/v1/tasks", "/v1/deliveries"]) {
      const { text } = await client.send("GET", `${path}?cursor=${page.nextCursor}`);
      for (const id of victimIds) expect(text).not.toContain(id);
    }
  });

  test("an idempotency key of somebody else's is free for the attacker", async () => {
    const somebody = await makeKey(admin, `somebody-${crypto.randomUUID()}`);
    const theirs = new Client(gateway, somebody.key);
    const body = { type: "diagnostics.echo", input: "private", delay: "1d" };
    const headers = { "idempotency-key": "the-same" };
    const one = (await theirs.send("POST", "/v1/tasks", { body, headers })).json() as Key;
    const reply = await client.send("POST", "/v1/tasks", { body, headers });
    expect([reply.status, reply.headers.get("idempotent-replayed")]).toEqual([202, null]);
    expect((reply.json() as Key).id).not.toBe(one.id);
  });
});

describe("a proof of one task is none of another", () => {
  test("a task token, on every route that takes one", async () => {
    const receiver = await Receiver.start();
    const { token } = await handOn(client, receiver);
    const before = await victim.snapshot();
    const operations = named("task-token");
    expect(operations).toHaveLength(4);
    for (const operation of operations) {
      for (const forged of [token, forgedToken()]) {
        const reply = await send(
          aboutVictim[operation] ?? { method: "POST", path: "/" },
          new Client(gateway, forged),
        );
        expect(reply.problem(), operation).toMatchObject({ status: 401, code: "unauthenticated" });
      }
    }
    const byUrl = await send(
      aboutVictim["completeByUrl"] ?? { method: "POST", path: "/" },
      new Client(gateway),
    );
    expect(byUrl.problem()).toMatchObject({ status: 404, code: "not-found" });
    for (const cut of [token.slice(0, -4), `${token}AAAA`, token.slice(0, 4), `rbr_${token.slice(4)}`]) {
      const reply = await new Client(gateway).send("POST", `/v1/complete/${cut}`, { body: 1 });
      expect(reply.status).toBe(404);
    }
    expect(await victim.snapshot()).toEqual(before);
    await receiver.stop();
  });

  test("a token of a live timeline, and none of another kind opens one", async () => {
    const [own = "", other = ""] = attacker.ids.task;
    const made = (await client.send("POST", `/v1/tasks/${own}/events-token`)).json() as { token: string };
    const anybody = new Client(gateway);
    expect((await anybody.send("GET", `/v1/tasks/${own}/events?token=${made.token}`)).status).toBe(200);
    const refused = [
      `/v1/tasks/${victim.ids.task[0]}/events?token=${made.token}`,
      `/v1/tasks/${other}/events?token=${made.token}`,
      `/v1/tasks/${own}/result?token=${made.token}`,
      `/v1/tasks/${own}/result?token=rbr_${made.token.slice(4)}`,
      `/v1/tasks/${own}/events?token=${attacker.key.key}`,
      `/v1/tasks/${own}/events?token=`,
    ];
    for (const path of refused) expect((await anybody.send("GET", path)).problem().status, path).toBe(401);
  });
});
