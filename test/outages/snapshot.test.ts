import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { Client } from "../support/client.ts";
import { Deployment } from "./deployment.ts";

const MINUTE = 60_000;

/*
 * What the gateway stands on is that a write which Redis acknowledged is kept. Here it is not: the database is set back
 * to how it was some minutes ago, as a failover to a replica that lagged or a restored backup does. QStash goes on.
 */

let deployment: Deployment;
let client: Client;
beforeAll(async () => {
  deployment = await Deployment.start("real");
});
beforeEach(async () => {
  client = await deployment.project();
});
afterAll(() => deployment?.stop());

/** Keeps every key, with its TTL, in another database of the same server. */
async function takeSnapshot(): Promise<void> {
  for (const words of [["SWAPDB", "0", "1"], ["FLUSHDB"], ["SWAPDB", "0", "1"]])
    await deployment.command(...words);
  const keys = z.array(z.instanceof(Buffer)).parse(await deployment.command("KEYS", "*"));
  for (const key of keys)
    await deployment.command("COPY", key.toString(), key.toString(), "DB", "1", "REPLACE");
}

async function restoreSnapshot(): Promise<void> {
  await deployment.command("SWAPDB", "0", "1");
}

const echo = (callbackUrl: string, rest: object = {}) => ({
  type: "diagnostics.echo",
  input: 1,
  callbackUrl,
  ...rest,
});

describe("Redis is restored from an older snapshot", () => {
  test("what had ended since runs and is told again, under the same event ids, and a frozen body stays as it was", async () => {
    const { receiver } = deployment;
    const [queued, frozen] = [receiver.open(), receiver.open([{ status: 500 }, { status: 200 }])];
    const ended = await client.submit(echo(frozen.url));
    await frozen.wait(1);
    await deployment.settle();
    const waiting = await client.submit(echo(queued.url, { delay: "1m" }));
    await takeSnapshot();
    await deployment.pass(3 * MINUTE);
    const before = [await client.settled(waiting.id), await client.settled(ended.id)];
    expect(before.map(({ status }) => status)).toEqual(["delivered", "delivered"]);

    await restoreSnapshot();
    expect((await client.task(waiting.id)).status).toBe("queued");
    await deployment.pass(3 * MINUTE);
    const after = [await client.settled(waiting.id), await client.settled(ended.id)];
    expect(after.map(({ id, eventId, status }) => [id, eventId, status])).toEqual(
      before.map(({ id, eventId }) => [id, eventId, "delivered"]),
    );
    expect(queued.received).toHaveLength(2);
    expect(frozen.received).toHaveLength(3);
    for (const inbox of [queued, frozen]) {
      expect(new Set(inbox.received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    }
    expect(new Set(frozen.received.map(({ body }) => body)).size).toBe(1);
    expect((await client.timeline(waiting.id)).map(({ type }) => type)).toEqual([
      "task.created",
      "task.started",
      "task.succeeded",
    ]);
  });

  test("what had been accepted since is unknown; its message changes nothing; sent again with its key it is one task", async () => {
    const inbox = deployment.receiver.open();
    await takeSnapshot();
    const headers = { "idempotency-key": crypto.randomUUID() };
    const body = echo(inbox.url, { delay: "1m" });
    const lost = await client.submit(body, headers);
    await deployment.settle(); // QStash has its message
    await restoreSnapshot();
    expect((await client.send("GET", `/v1/tasks/${lost.id}`)).problem().code).toBe("not-found");
    await deployment.pass(3 * MINUTE);
    expect(inbox.received).toHaveLength(0);
    const again = await client.submit(body, headers);
    const repeated = await client.send("POST", "/v1/tasks", { body, headers });
    expect(repeated.headers.get("idempotent-replayed")).toBe("true");
    await deployment.pass(3 * MINUTE);
    expect((await client.task(again.id)).status).toBe("succeeded");
    expect(inbox.received).toHaveLength(1);
  });

  test("what had been canceled since is back, and runs unless it is canceled again", async () => {
    const inbox = deployment.receiver.open();
    const tasks = [
      await client.submit(echo(inbox.url, { delay: "1m" })),
      await client.submit(echo(inbox.url, { delay: "1m" })),
    ];
    await takeSnapshot();
    const cancel = async (id: string) => (await client.send("POST", `/v1/tasks/${id}/cancel`)).json();
    for (const { id } of tasks) expect(await cancel(id)).toMatchObject({ status: "canceled" });
    await restoreSnapshot();
    const [again, forgotten] = tasks;
    expect(await cancel(again?.id ?? "")).toMatchObject({ status: "canceled", run: 1 });
    await deployment.pass(3 * MINUTE);
    expect((await client.task(again?.id ?? "")).status).toBe("canceled");
    expect((await client.task(forgotten?.id ?? "")).status).toBe("succeeded");
  });

  test("a key that had been revoked since is back until it is revoked again; one that had been made is gone", async () => {
    const authorization = { authorization: `Bearer ${deployment.adminToken}` };
    const project = `restored-${crypto.randomUUID()}`;
    const make = async (name: string) => {
      const reply = await client.send("POST", "/admin/keys", {
        body: { project, name },
        headers: authorization,
      });
      return z.object({ id: z.string(), key: z.string() }).parse(reply.json());
    };
    const reads = async (key: string) => (await new Client(client, key).send("GET", "/v1/tasks")).status;
    const leaked = await make("leaked");
    await takeSnapshot();
    const revoke = () => client.send("DELETE", `/admin/keys/${leaked.id}`, { headers: authorization });
    expect((await revoke()).status).toBe(204);
    const young = await make("young");
    expect([await reads(leaked.key), await reads(young.key)]).toEqual([401, 200]);
    await restoreSnapshot();
    expect([await reads(leaked.key), await reads(young.key)]).toEqual([200, 401]);
    expect((await revoke()).status).toBe(204);
    expect(await reads(leaked.key)).toBe(401);
  });
});
